// Rows as CSV (RFC 4180), safe for spreadsheets.

import { Written } from "./exact.js";

// A spreadsheet takes a text that begins so for a formula, and runs it.
const FORMULA = /^[=+\-@\t\r]/;

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
  const safe = FORMULA.test(text) ? "'" + text : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
