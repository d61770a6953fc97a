// A track on columns of pixels, as the API tells it (docs/http.md, Grids), and what of its fields can be drawn.

import { numberOf } from "./columns.js";

/**
 * @typedef {Record<string, unknown> & { timestamp: number }} Entry
 * @typedef {{ field: string, part: number | null }} Place  a field; part: of a field of lists, the number's place in them
 */

const MOST_PARTS = 16; // of a list: what is longer is no vector that one looks at part by part

/**
 * What can be drawn over time, and what cannot.
 * @param {readonly string[]} fields
 * @param {readonly Entry[]} samples
 * @returns {{ places: Place[], others: string[] }}
 */
export function placesOf(fields, samples) {
  /** @type {Place[]} */
  const places = [];
  /** @type {string[]} */
  const others = [];
  for (const field of fields) {
    const values = samples.map((entry) => numberOf(entry[field])).filter((value) => value !== undefined && value !== null);
    const vectors = values.filter((value) => Array.isArray(value) && value.length <= MOST_PARTS && value.every((one) => typeof numberOf(one) === "number"));
    const length = Math.max(0, ...vectors.map((value) => /** @type {unknown[]} */ (value).length));
    if (values.length === 0 || values.some((value) => typeof value === "number")) places.push({ field, part: null });
    else if (length > 0) for (let part = 0; part < length; part++) places.push({ field, part });
    else others.push(field);
  }
  return { places, others };
}

/** @param {Place} place */
export function nameOf({ field, part }) {
  return part === null ? field : `${field}[${part}]`;
}

/**
 * What a card is drawn of.
 * @param {any} answer  of /v1/tracks/grid with nonfinite=string
 * @param {Place} place
 * @param {string} prefix   of the run
 * @returns {import("./lines.js").Grid}
 */
export function gridOf({ edges, fine, entries, series }, { field, part }, prefix) {
  const found = series.find((/** @type {any} */ one) => one.field === field && one.part === part);
  /** @type {Record<string, ArrayLike<number>>} */
  const statistics = found
    ? Object.fromEntries(Object.entries(found.statistics).map(([name, values]) => [name, numbers(/** @type {any} */ (values))]))
    : nothingIn(entries);
  return { edges, isFine: fine, runs: [{ prefix, statistics, hides: found?.hides ?? [] }] };
}

/** @param {unknown[]} values @returns {Float64Array} NaN where there is no number */
export function numbers(values) {
  return Float64Array.from(values, (value) => /** @type {number} */ (numberOf(value) ?? NaN));
}

/** @param {number[]} entries  of each column */
function nothingIn(entries) {
  const none = new Float64Array(entries.length).fill(NaN);
  return { mean: none, least: none, greatest: none, count: new Float64Array(entries.length), missing: Float64Array.from(entries) };
}
