// What is said about paths: of how much each is made, how coarse it is, and where it is at a time.

import { formatNumber } from "./numbers.js";
import { gapsIn } from "./path.js";
import { TIME } from "./pose_fields.js";

/** @param {number} most numbers of an entry that are drawn, colour included */
export function explained(most) {
  return "A line goes straight from each entry to the next in the order of their times. An entry whose position is no number is a gap: "
    + "nothing is drawn to or from it, and a position alone between gaps is a dot. Where there are more entries than parts of the time, a part "
    + `has its first and its last entry, and for each of the ${most} numbers the first with its least, its greatest and no value: no extreme and `
    + "no gap is lost, the finer shape within a part is. What is shown is a parallel projection: a length is the same everywhere. The disc is "
    + "the last entry at or before the time of the slider, exactly, and x, y, z at it are the body's axes where a rotation is chosen.";
}

/**
 * @param {readonly import("./path.js").Path[]} paths @param {number} columns parts of the time
 * @param {boolean} isFlat
 */
export function toldOf(paths, columns, isFlat) {
  const total = entriesIn(paths);
  if (total === 0) return "no entries here";
  const kept = paths.reduce((sum, { times }) => sum + times.length, 0);
  const gaps = paths.reduce((sum, path) => sum + gapsIn(path), 0);
  const made = paths.every(({ isWhole }) => isWhole) ? "" : `, ${formatNumber(kept)} of them drawn: extremes of ${formatNumber(columns)} parts of the time`;
  return entries(total) + made + (gaps > 0 ? `, ${formatNumber(gaps)} without a position` : "") + (isFlat ? "; flat, without WebGL" : "");
}

/** @param {readonly import("./path.js").Path[]} paths */
export function entriesIn(paths) {
  return paths.reduce((sum, { total }) => sum + total, 0);
}

/**
 * @param {{ position: number[], tint: number | null } | null | undefined} pose  undefined: not known yet
 * @param {readonly string[]} names @param {string} tintName  "": whose it is
 */
export function wordsOf(pose, names, tintName) {
  if (pose === undefined) return "…";
  if (pose === null) return "begins later";
  const told = (/** @type {string} */ name, /** @type {number} */ value) => `${name} ${Number.isNaN(value) ? "no number" : formatNumber(value)}`;
  const position = names.map((name, at) => told(name, pose.position[at]));
  const isOther = tintName !== "" && tintName !== TIME && !names.includes(tintName);
  return [...position, ...(isOther && pose.tint !== null ? [told(tintName, pose.tint)] : [])].join(", ");
}

/** Short names that tell them apart. @param {readonly { prefix: string, topic: string }[]} drawn */
export function shortNames(drawn) {
  const isOne = (/** @type {"prefix" | "topic"} */ field) => drawn.every((one) => one[field] === drawn[0][field]);
  return drawn.map(({ prefix, topic }) => {
    const run = prefix.split("/").at(-1) ?? prefix;
    return isOne("topic") ? run : isOne("prefix") ? topic : `${run} ${topic}`;
  });
}

/** @param {number} count */
function entries(count) {
  return `${formatNumber(count)} ${count === 1 ? "entry" : "entries"}`;
}
