// Times and durations as people read them.

import { formatNumber } from "./numbers.js";

const UNITS = /** @type {const} */ ([
  ["y", 31_557_600],
  ["d", 86_400],
  ["h", 3_600],
  ["m", 60],
  ["s", 1],
]);

/**
 * Two units at most: 3 d 4 h, 2 m 10 s, 0.45 s.
 * @param {unknown} seconds
 */
export function formatDuration(seconds) {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "";
  if (seconds < 10) return `${Number(Math.max(0, seconds).toPrecision(2))} s`;
  let left = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(left / size);
    if (count === 0 && parts.length === 0) continue;
    if (count > 0) parts.push(`${count} ${unit}`);
    left -= count * size;
    if (parts.length === 2) break;
  }
  return parts.slice(0, 2).join(" ");
}

/**
 * How long ago, in its largest unit.
 * @param {unknown} text  ISO 8601
 * @param {number} now    milliseconds
 */
export function formatAge(text, now) {
  const then = typeof text === "string" ? Date.parse(text) : NaN;
  if (Number.isNaN(then)) return "";
  const seconds = Math.max(0, (now - then) / 1000);
  for (const [unit, size] of UNITS) if (seconds >= size) return `${Math.floor(seconds / size)} ${unit} ago`;
  return "now";
}

/**
 * A place of a time axis; what no calendar has, in seconds.
 * @param {number} seconds since 1970
 */
export function formatMoment(seconds) {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? `${formatNumber(seconds)} s` : formatTime(date.toISOString());
}

/** @param {unknown} text ISO 8601 */
export function formatTime(text) {
  if (typeof text !== "string") return "";
  return text.replace("T", " ").replace(/(\.\d{3})\d*/, "$1").replace(/Z$/, "");
}
