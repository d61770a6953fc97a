// Rows as CSV (RFC 4180), safe for spreadsheets.

import { Written } from "./exact.js";

// A spreadsheet takes a cell that begins so for a formula, and runs it. Where its list separator is a semicolon, as in
// much of Europe, or a tab, a cell begins behind each of them too.
const FORMULA = /(^|[;\t\r\n])(\s*[=+\-@\t\r])/g;

/** @param {readonly (readonly unknown[])[]} rows */
export function toCsv(rows) {
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** @param {unknown} value */
function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  if (value instanceof Written) return value.text;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const safe = text.replace(FORMULA, "$1'$2");
  return /[",;\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
