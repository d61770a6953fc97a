// The path of a track: positions one after the other, about the middle of a scene (orbit.js).

import { TIME } from "./pose_fields.js";
import { ticksOf } from "./ticks.js";
import { numbers } from "./track_grid.js";

/**
 * @typedef {object} Path
 * @property {string} prefix
 * @property {string} topic
 * @property {Float64Array} times
 * @property {Float64Array[]} axes  x, y, z
 * @property {Float64Array | null} tint  what its colour says; null: whose it is
 * @property {number} total   entries that it was made of
 * @property {boolean} isWhole  all of them are in it
 *
 * @typedef {object} Box  around all positions
 * @property {number[]} middle
 * @property {number[]} sizes   what the distance 1 of the scene is, along each axis
 * @property {number[]} least
 * @property {number[]} greatest
 *
 * @typedef {[number, number, number]} Colour  0 … 255
 */

const MOST_COLUMNS = 1_000;
const MOST_ENTRIES = 40_000; // of all paths together

/**
 * Into how many parts of the time a path is told, so that all together stay within a bound: a part has at most 2 + 3s entries
 * of s numbers (docs/http.md, Grids).
 * @param {number} count of numbers @param {number} paths
 */
export function columnsOf(count, paths) {
  return Math.max(1, Math.min(MOST_COLUMNS, Math.floor(MOST_ENTRIES / paths / (2 + 3 * count))));
}

/**
 * @param {any} answer of /v1/tracks/grid with a path and nonfinite=string
 * @param {{ prefix: string, topic: string, position: readonly import("./track_grid.js").Place[], tint: import("./track_grid.js").Place | "timestamp" | null }} how
 * @returns {Path}
 */
export function pathOf({ series, path, totalEntries, fine }, { prefix, topic, position, tint }) {
  const times = numbers(path?.timestamps ?? []);
  const valuesOf = (/** @type {import("./track_grid.js").Place} */ { field, part }) => {
    const at = series.findIndex((/** @type {any} */ one) => one.field === field && one.part === part);
    return at === -1 ? new Float64Array(times.length).fill(NaN) : numbers(path.values[at]);
  };
  const axes = position.map(valuesOf);
  if (axes.length === 2) axes.push(new Float64Array(times.length));
  return { prefix, topic, times, axes, tint: tint === TIME ? times : tint && valuesOf(tint), total: totalEntries, isWhole: fine };
}

/**
 * @param {readonly Path[]} paths @param {boolean} isFitted  each axis as long as the others, not of one scale with them
 * @returns {Box | null} null: there is no position
 */
export function boxOf(paths, isFitted) {
  const [least, greatest] = [[Infinity, Infinity, Infinity], [-Infinity, -Infinity, -Infinity]];
  for (const { axes } of paths) {
    for (let at = 0; at < axes[0].length; at++) {
      if (!isThere(axes, at)) continue;
      for (let axis = 0; axis < 3; axis++) {
        least[axis] = Math.min(least[axis], axes[axis][at]);
        greatest[axis] = Math.max(greatest[axis], axes[axis][at]);
      }
    }
  }
  if (!Number.isFinite(least[0])) return null;
  const halves = greatest.map((value, axis) => value / 2 - least[axis] / 2);
  const middle = least.map((value, axis) => value + halves[axis]);
  const one = Math.hypot(...halves) || Math.max(...middle.map(Math.abs)) * 0.1 || 1;
  return { middle, sizes: halves.map((half) => (isFitted && half > 0 ? half * Math.sqrt(3) : one)), least, greatest };
}

/** In the scene. @param {Box} box @param {readonly number[]} position @returns {[number, number, number]} */
export function placed({ middle, sizes }, position) {
  const at = (/** @type {number} */ axis) => (position[axis] - middle[axis]) / sizes[axis];
  return [at(0), at(1), at(2)];
}

/**
 * From each position to the next one; none to or from an entry without a position, for a gap is a gap. A position alone
 * between gaps is a segment without a length, which is drawn as a dot.
 * @param {Path} path @param {Box} box
 * @returns {{ from: Float32Array, to: Float32Array, at: Uint32Array }}  three numbers a segment, and the entry that it leads to
 */
export function segmentsOf({ axes }, box) {
  const count = axes[0].length;
  const [from, to, at] = [new Float32Array(count * 3), new Float32Array(count * 3), new Uint32Array(count)];
  const positionAt = (/** @type {number} */ place) => placed(box, axes.map((values) => values[place]));
  let found = 0;
  for (let place = 0; place < count; place++) {
    if (!isThere(axes, place)) continue;
    const follows = isThere(axes, place - 1);
    if (!follows && isThere(axes, place + 1)) continue; // the next one is drawn from here
    from.set(positionAt(follows ? place - 1 : place), found * 3);
    to.set(positionAt(place), found * 3);
    at[found++] = place;
  }
  return { from: from.subarray(0, found * 3), to: to.subarray(0, found * 3), at: at.subarray(0, found) };
}

/** How many of its entries have no position. @param {Path} path */
export function gapsIn({ axes, times }) {
  let found = 0;
  for (let at = 0; at < times.length; at++) if (!isThere(axes, at)) found++;
  return found;
}

/**
 * The edges of the box at which its axes are told, and round places on them.
 * @param {Box} box
 * @returns {{ axis: number, from: [number, number, number], to: [number, number, number], ticks: { at: [number, number, number], value: number }[] }[]}
 */
export function rulersOf(box) {
  return [0, 1, 2].flatMap((axis) => {
    if (box.least[axis] === box.greatest[axis]) return [];
    const at = (/** @type {number} */ value) => placed(box, box.least.map((low, one) => (one === axis ? value : low)));
    const ticks = ticksOf(box.least[axis], box.greatest[axis], 4).map((value) => ({ at: at(value), value }));
    return [{ axis, from: at(box.least[axis]), to: at(box.greatest[axis]), ticks }];
  });
}

/** Of what colours say, over all paths. @param {readonly Path[]} paths @returns {[number, number] | null} */
export function tintRange(paths) {
  let [least, greatest] = [Infinity, -Infinity];
  for (const { tint } of paths) {
    for (const value of tint ?? []) {
      if (!Number.isFinite(value)) continue;
      least = Math.min(least, value);
      greatest = Math.max(greatest, value);
    }
  }
  return least <= greatest ? [least, greatest] : null;
}

/**
 * @param {number} value @param {[number, number]} range
 * @param {readonly Colour[]} scale  from the least to the greatest, at equal distances
 * @returns {Colour | null} null: it is no number
 */
export function tintOf(value, [least, greatest], scale) {
  if (!Number.isFinite(value)) return null;
  const place = greatest > least ? Math.max(0, Math.min(1, (value - least) / (greatest - least))) * (scale.length - 1) : 0;
  const low = Math.min(scale.length - 2, Math.floor(place));
  const [red, green, blue] = scale[low].map((one, at) => Math.round(one + (scale[low + 1][at] - one) * (place - low)));
  return [red, green, blue];
}

/** @param {string} text #rrggbb @returns {Colour} */
export function colourIn(text) {
  return [parseInt(text.slice(1, 3), 16), parseInt(text.slice(3, 5), 16), parseInt(text.slice(5, 7), 16)];
}

/** All times at which an entry is drawn, rising. @param {readonly Path[]} paths */
export function timesIn(paths) {
  if (paths.length === 1) return Array.from(paths[0].times);
  return [...new Set(paths.flatMap(({ times }) => Array.from(times)))].sort((one, two) => one - two);
}

/** @param {Float64Array[]} axes @param {number} at */
function isThere(axes, at) {
  return Number.isFinite(axes[0][at]) && Number.isFinite(axes[1][at]) && Number.isFinite(axes[2][at]);
}
