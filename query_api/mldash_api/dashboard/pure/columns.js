// The columns of the table of runs.

import { directionOf } from "./numbers.js";
import { metricOf, partsOf, titleOf } from "./fields.js";
import { widthOf } from "./text_width.js";

/**
 * @typedef {object} Column
 * @property {string} field
 * @property {string} title
 * @property {string} detail     what kind it is, or which statistic
 * @property {boolean} isNumber
 * @property {number} width      in pixels
 * @property {-1 | 0 | 1} direction  1: more is better
 */

const WIDTHS = /** @type {Record<string, number>} */ ({
  status: 118, started: 96, created: 96, ended: 96, updated: 96, duration: 92, tags: 170, user: 100, host: 130,
});
const SIDES = 22; // of a cell, to the left and right of its text
const WIDEST = 420; // a title that is longer is cut, and is said whole where one points at it
const ALWAYS = ["status", "started", "duration", "tags"];
const MOST_PARAMS = 5;
const MOST_METRICS = 4;

/** @param {string} field @returns {Column} */
export function columnOf(field) {
  const told = titleOf(field);
  const held = SIDES + Math.max(widthOf(told.title), widthOf(told.detail));
  const width = WIDTHS[field] ?? Math.min(WIDEST, Math.max(96, held));
  return { field, ...told, width: Math.round(width), direction: told.isNumber ? directionOf(told.title) : 0 };
}

/**
 * What is shown where nobody has chosen: parameters and last values that most runs have, results before the rest.
 * @param {readonly { field: string }[]} params   the most frequent first
 * @param {readonly { field: string }[]} metrics
 * @returns {string[]}
 */
export function chosenColumns(params, metrics) {
  const last = metrics.map(({ field }) => field).filter((field) => partsOf(field).at(-1) === "last");
  const results = last.filter((field) => directionOf(titleOf(field).title) !== 0);
  const some = (results.length > 0 ? results : last).slice(0, MOST_METRICS);
  return [...ALWAYS, ...some, ...params.slice(0, MOST_PARAMS).map(({ field }) => field)];
}

/**
 * How a value stands to the baseline's: its difference, and whether that is better (1), worse (-1) or neither is known.
 * @param {unknown} value @param {unknown} base @param {number} direction
 */
export function deltaOf(value, base, direction) {
  if (typeof value !== "number" || typeof base !== "number") return null;
  const difference = value - base;
  if (!Number.isFinite(difference)) return null;
  return { difference, better: Math.sign(difference) * direction };
}

/**
 * The names of metrics that these columns show something of; the unnamed one is "".
 * @param {readonly string[]} fields
 */
export function metricsOf(fields) {
  const names = fields.map(metricOf).filter((name) => name !== undefined);
  return [...new Set(names.map((name) => name ?? ""))];
}

/**
 * How the next press on a column's head sorts: first the way in which one looks for the best, then the other.
 * @param {string} sort as it is @param {Column} column
 */
export function nextSort(sort, column) {
  const first = column.direction > 0 || ["started", "created", "ended", "updated", "duration"].includes(column.field);
  const [one, two] = first ? ["-" + column.field, column.field] : [column.field, "-" + column.field];
  return sort === one ? two : one;
}

/**
 * What columns of last values show, once these points have come.
 * @param {readonly string[]} fields @param {string | null} metric
 * @param {readonly { data: Record<string, unknown> }[]} points in their order
 * @returns {Record<string, unknown>}
 */
export function lastValues(fields, metric, points) {
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const field of fields) {
    const parts = partsOf(field);
    if (metricOf(field) !== metric || parts.at(-1) !== "last") continue;
    const name = parts.slice(2, -1).join(".");
    const found = points.findLast(({ data }) => typeof numberOf(data[name]) === "number");
    if (found) values[field] = numberOf(found.data[name]);
  }
  return values;
}

/**
 * A row of `nonfinite=string`, its metrics' NaN and infinities as numbers; a parameter may be such a text.
 * @template {{ values: Record<string, any> }} R
 * @param {R} row @returns {R}
 */
export function withNumbers(row) {
  const values = Object.entries(row.values).map(([field, value]) => [field, field.startsWith("metrics.") ? numberOf(value) : value]);
  return { ...row, values: Object.fromEntries(values) };
}

const TEXTS = /** @type {Record<string, number>} */ ({ NaN, Infinity, "-Infinity": -Infinity });

/**
 * A number as the stream tells it; other values stay.
 * @param {unknown} value
 */
export function numberOf(value) {
  return typeof value === "string" && Object.hasOwn(TEXTS, value) ? TEXTS[value] : value;
}
