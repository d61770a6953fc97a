// Where two runs part, in words.

import { formatNumber } from "./numbers.js";
import { formatMoment } from "./times.js";

/**
 * @typedef {object} Parting
 * @property {number | null} x       null: none is known
 * @property {0 | 1 | null} above    which of the two is above from there on
 * @property {"never" | "no common x"} [none]
 * @property {string} [problem]
 */

/** @param {any} answer of /v1/compare/parted @returns {Parting} */
export function partingOf({ found, x, above }) {
  if (found === "parted") return { x, above };
  return { x: null, above: null, none: found };
}

/**
 * @param {Parting} parting @param {readonly string[]} prefixes the two @param {boolean} isTime
 */
export function wordsOf({ x, above, none, problem }, prefixes, isTime) {
  if (problem !== undefined) return problem;
  if (none === "never") return "they never part: the ranges of their values meet to the end";
  if (none === "no common x") return "no common x: in no column do both have numbers";
  if (above === null) return "looking where they part …";
  const place = x === null ? "" : isTime ? ` at ${formatMoment(x)}` : ` at x = ${formatNumber(x)}`;
  return `they part${place}: from there on ${namesOf(prefixes)[above]} is above`;
}

/**
 * The last parts of their names, as many as tell them apart.
 * @param {readonly string[]} prefixes
 */
export function namesOf(prefixes) {
  const parts = prefixes.map((prefix) => prefix.split("/"));
  for (let length = 1; ; length++) {
    const names = parts.map((one) => one.slice(-length).join("/"));
    if (new Set(names).size === new Set(prefixes).size || parts.every((one) => length >= one.length)) return names;
  }
}
