// Entries of a track as columns of pixels: the same grid that the API makes of a metric (docs/http.md, Grids).

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
 * @param {readonly Entry[]} entries  in the order of time
 * @param {Place} place
 * @param {number} columns  at most so many
 * @param {string} prefix   of the run
 * @returns {import("./lines.js").Grid}
 */
export function gridOf(entries, { field, part }, columns, prefix) {
  const times = entries.map(({ timestamp }) => timestamp);
  const values = entries.map((entry) => {
    const value = entry[field];
    const one = numberOf(part === null ? value : Array.isArray(value) ? value[part] : undefined);
    return typeof one === "number" ? one : NaN;
  });
  if (times.length === 0) return { edges: [], isFine: true, runs: [{ prefix, statistics: empty(0), hides: [] }] };
  const [first, last] = [times[0], /** @type {number} */ (times.at(-1))];
  const isFine = times.length <= columns || first === last;
  const count = isFine ? times.length : columns;
  const edges = isFine ? [...times, last] : Array.from({ length: count + 1 }, (_, at) => (at === count ? last : first + ((last - first) * at) / count));
  const statistics = empty(count);
  const sums = new Float64Array(count);
  for (const [at, time] of times.entries()) {
    const column = isFine ? at : Math.min(count - 1, Math.floor(((time - first) / (last - first)) * count));
    const value = values[at];
    if (Number.isNaN(value)) {
      statistics.missing[column]++;
      continue;
    }
    sums[column] += value;
    const isNew = statistics.count[column]++ === 0;
    if (isNew || value < statistics.least[column]) statistics.least[column] = value;
    if (isNew || value > statistics.greatest[column]) statistics.greatest[column] = value;
  }
  /** @type {number[]} */
  const hides = [];
  for (let column = 0; column < count; column++) {
    if (statistics.count[column] > 0) statistics.mean[column] = sums[column] / statistics.count[column];
    if (statistics.count[column] > 0 && statistics.missing[column] > 0) hides.push(column);
  }
  return { edges, isFine, runs: [{ prefix, statistics, hides }] };
}

/** @param {number} columns */
function empty(columns) {
  return {
    mean: new Float64Array(columns).fill(NaN),
    count: new Float64Array(columns),
    least: new Float64Array(columns).fill(NaN),
    greatest: new Float64Array(columns).fill(NaN),
    missing: new Float64Array(columns),
  };
}
