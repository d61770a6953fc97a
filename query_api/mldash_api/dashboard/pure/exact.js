// Values as they were written: numbers of JSON with all their digits, 1.0 apart from 1.

/** A whole number whose text a number of JavaScript would not give back: 1.0, 9007199254740993. */
export class Written {
  /** @param {string} text of JSON */
  constructor(text) {
    this.text = text;
  }

  valueOf() {
    return Number(this.text);
  }
}

// Where an answer has no such number, looking at how each was written would only take time.
const UNUSUAL = /(?<![.\d])\d{16,}(?![.\d])|\.0(?!\d)|\de\+?\d/i;

/**
 * As JSON.parse, but for whole numbers that it would tell otherwise. (A browser that does not say how a number was written
 * tells them as it can.)
 * @param {string} text
 */
export function parseExact(text) {
  if (!UNUSUAL.test(text)) return JSON.parse(text);
  const kept = (/** @type {string} */ _, /** @type {any} */ value, /** @type {{ source?: string } | undefined} */ context) => {
    const source = typeof value === "number" ? context?.source : undefined;
    return source !== undefined && Number.isInteger(value) && String(value) !== source ? new Written(source) : value;
  };
  return JSON.parse(text, /** @type {any} */ (kept));
}

/**
 * A value in one line: a text as it is, within lists in quotes.
 * @param {unknown} value
 */
export function exactText(value) {
  return typeof value === "string" ? value : nested(value);
}

/** @param {unknown} value @returns {string} */
function nested(value) {
  if (value instanceof Written) return value.text;
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return `[${value.map(nested).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  return `{${Object.entries(value).map(([key, one]) => `${JSON.stringify(key)}: ${nested(one)}`).join(", ")}}`;
}
