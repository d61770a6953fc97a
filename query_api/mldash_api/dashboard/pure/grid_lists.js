// A grid as JSON tells it: lists of numbers, in which NaN and infinities are texts.

import { numberOf } from "./columns.js";

/**
 * @typedef {object} Told
 * @property {number[]} edges
 * @property {import("./lines.js").GridRun[]} runs  those that have the field
 * @property {{ totalPoints: number, sampled: boolean }[]} all
 */

/** @param {any} answer of /v1/metrics/grid with nonfinite=string @returns {Told} */
export function gridOfLists({ edges, runs, series }) {
  return {
    edges,
    runs: series.map((/** @type {any} */ { run, statistics, hides }) => ({
      prefix: runs[run].prefix,
      statistics: Object.fromEntries(Object.entries(statistics).map(([name, values]) => [name, numbers(/** @type {any} */ (values))])),
      hides,
    })),
    all: runs,
  };
}

/** @param {unknown[]} values null: NaN, where a server tells it so */
function numbers(values) {
  return Float64Array.from(values, (value) => (value === null ? NaN : /** @type {number} */ (numberOf(value))));
}
