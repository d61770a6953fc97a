// From a grid of pixel columns to what is drawn: lines, bands, marks. uPlot takes plain arrays in which null is a gap;
// NaN and infinities would be drawn through, or empty the whole chart.

import { smoothed } from "./smoothing.js";

/**
 * @typedef {object} GridRun         the field of one run, or of one group of runs (grouping.js), on the grid
 * @property {string} prefix         of a group what it is by
 * @property {string} [name]         what a group is called
 * @property {Record<string, ArrayLike<number>>} statistics  by their names, a value a column
 * @property {readonly number[]} hides  columns that have points without a number beside numbers
 *
 * @typedef {object} Grid
 * @property {ArrayLike<number>} edges  of the columns; one more than there are
 * @property {boolean} isFine           each column is one point wide
 * @property {GridRun[]} runs
 * @property {boolean} [isGrouped]      each of the runs is a group
 *
 * @typedef {object} Line
 * @property {string} prefix
 * @property {string} name        what it is called beside a chart
 * @property {boolean} isGroup
 * @property {(number | null)[]} values
 * @property {(number | null)[] | null} least     of its band, null: it has none
 * @property {(number | null)[] | null} greatest
 * @property {number[]} missing    places on x where points have no number
 * @property {number[]} below      places on x where a value has none on a logarithmic axis
 * @property {number[]} beyond     places on x with an infinity
 * @property {boolean} isSparse    most columns that have points have no number: its line goes over the gaps
 */

/** So many lines are drawn over bands; of more each goes through its extremes. */
export const MOST_BANDS = 10;
export const BANDS = ["mean", "count", "least", "greatest", "missing"];
export const EXTREMES = ["first", "least", "greatest", "last", "count", "missing"];

const SPARSE = 0.5;

/**
 * @param {Grid} grid @param {{ isLog: boolean, halfLife: number }} how
 * @returns {{ x: number[], lines: Line[] }}
 */
export function linesOf(grid, how) {
  return grid.runs.length > MOST_BANDS && !grid.isGrouped ? throughExtremes(grid, how) : overBands(grid, how);
}

/** @param {Grid} grid @param {{ isLog: boolean, halfLife: number }} how */
function overBands(grid, { isLog, halfLife }) {
  const x = placesOf(grid);
  const lines = grid.runs.map((run) => {
    const { mean, count, least, greatest } = run.statistics;
    const values = halfLife > 0 ? smoothed(x, mean, count, halfLife) : Array.from(mean, finite);
    const hasBand = grid.isGrouped ? grid.runs.length <= MOST_BANDS : !grid.isFine || halfLife > 0;
    return {
      ...namesOf(run),
      ...marksOf(run, x, isLog),
      values: onAxis(values, isLog),
      least: hasBand ? onAxis(Array.from(least, finite), isLog) : null,
      greatest: hasBand ? onAxis(Array.from(greatest, finite), isLog) : null,
    };
  });
  return { x, lines };
}

/** @param {Grid} grid @param {{ isLog: boolean, halfLife: number }} how */
function throughExtremes(grid, { isLog, halfLife }) {
  if (grid.isFine || halfLife > 0) {
    const x = placesOf(grid);
    const lines = grid.runs.map((run) => {
      const { first, least, greatest, last, count } = run.statistics;
      const middle = Array.from(first, (value, at) => (grid.isFine ? value : (value + least[at] + greatest[at] + last[at]) / 4));
      const values = smoothed(x, middle, count, halfLife);
      return { ...namesOf(run), ...marksOf(run, x, isLog), values: onAxis(values, isLog), least: null, greatest: null };
    });
    return { x, lines };
  }
  const columns = grid.edges.length - 1;
  /** @type {number[]} */
  const x = [];
  for (let at = 0; at < columns; at++) {
    const width = grid.edges[at + 1] - grid.edges[at];
    for (const part of [1, 3, 5, 7]) x.push(grid.edges[at] + (width * part) / 8);
  }
  const places = placesOf(grid);
  const lines = grid.runs.map((run) => {
    const { first, least, greatest, last } = run.statistics;
    /** @type {(number | null)[]} */
    const values = [];
    for (let at = 0; at < columns; at++) {
      const [one, two] = first[at] - least[at] < greatest[at] - first[at] ? [least[at], greatest[at]] : [greatest[at], least[at]];
      values.push(finite(first[at]), finite(one), finite(two), finite(last[at]));
    }
    return { ...namesOf(run), ...marksOf(run, places, isLog), values: onAxis(values, isLog), least: null, greatest: null };
  });
  return { x, lines };
}

/**
 * Where on x a column stands: its point, where it is one, else its middle.
 * @param {Grid} grid
 */
export function placesOf({ edges, isFine }) {
  return Array.from({ length: Math.max(0, edges.length - 1) }, (_, at) => (isFine ? edges[at] : (edges[at] + edges[at + 1]) / 2));
}

/** @param {GridRun} run */
function namesOf({ prefix, name }) {
  return { prefix, name: name ?? prefix.split("/").at(-1) ?? prefix, isGroup: name !== undefined };
}

/** @param {GridRun} run @param {number[]} x @param {boolean} isLog */
function marksOf({ statistics, hides }, x, isLog) {
  const { count, missing, least, greatest, mean = least } = statistics;
  const hasInfinity = (/** @type {number} */ at) => [mean, least, greatest].some((of) => Math.abs(of[at]) === Infinity);
  const hidden = new Set(hides);
  /** @type {{ missing: number[], below: number[], beyond: number[] }} */
  const marks = { missing: [], below: [], beyond: [] };
  let [full, empty] = [0, 0];
  for (let at = 0; at < x.length; at++) {
    if (count[at] > 0) full++;
    else if (missing[at] > 0) empty++;
    if ((count[at] === 0 && missing[at] > 0) || hidden.has(at)) marks.missing.push(x[at]);
    if (count[at] > 0 && hasInfinity(at)) marks.beyond.push(x[at]);
    if (isLog && (least[at] <= 0 || mean[at] <= 0)) marks.below.push(x[at]);
  }
  const isSparse = full > 0 && empty + hidden.size > (full + empty) * SPARSE && empty > 0 && isSpread(count, missing);
  return { ...marks, missing: isSparse ? [] : marks.missing, isSparse };
}

/**
 * Whether numbers come again and again between columns without: a field that only some points have, and no end in NaN.
 * @param {ArrayLike<number>} count @param {ArrayLike<number>} missing
 */
function isSpread(count, missing) {
  let turns = 0;
  let before = true;
  for (let at = 0; at < count.length; at++) {
    if (count[at] === 0 && !(missing[at] > 0)) continue;
    const now = count[at] > 0;
    if (now && !before) turns++;
    before = now;
  }
  return turns >= 3;
}

/** @param {(number | null)[]} values @param {boolean} isLog */
function onAxis(values, isLog) {
  return isLog ? values.map((value) => (value !== null && value > 0 ? value : null)) : values;
}

/** @param {number} value */
function finite(value) {
  return Number.isFinite(value) ? value : null;
}

/**
 * The place that is nearest.
 * @param {ArrayLike<number>} rising  one number at least @param {number} value
 */
export function nearest(rising, value) {
  let [low, high] = [0, rising.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low > 0 && value - rising[low - 1] < rising[low] - value ? low - 1 : low;
}
