// The range of y that is drawn, a little wider than the lines; and what lies out of it, where outliers are left out.
//
//   [q₁ − 3(q₃ − q₁), q₃ + 3(q₃ − q₁)] ∩ [least, greatest],   q₁, q₃ the quartiles of all values of lines and bands
//
// On a logarithmic axis all of it is of the logarithms.

const FENCE = 3;
const FAR = 1e4; // times the range's height

// A card asks again and again, and a fence sorts all values.
/** @type {WeakMap<readonly Drawn[], Record<string, [number, number]>>} */
const ranges = new WeakMap();

/** As it stands on the page and in files. */
export const FENCE_FORMULA = "the scale leaves out what lies more than 3(q₃ − q₁) below the quartile q₁ or above the quartile q₃ of all values drawn";

/**
 * @typedef {{ values: (number | null)[], least: (number | null)[] | null, greatest: (number | null)[] | null }} Drawn
 */

/**
 * @param {readonly Drawn[]} lines @param {boolean} isLog @param {boolean} [isCut]  outliers are left out
 * @returns {[number, number]}
 */
export function rangeOf(lines, isLog, isCut = false) {
  const known = ranges.get(lines) ?? {};
  ranges.set(lines, known);
  return (known[`${isLog} ${isCut}`] ??= foundRange(lines, isLog, isCut));
}

/** @param {readonly Drawn[]} lines @param {boolean} isLog @param {boolean} isCut @returns {[number, number]} */
function foundRange(lines, isLog, isCut) {
  const [least, greatest] = isCut ? fenceOf(lines, isLog) : extremesOf(lines);
  if (!Number.isFinite(least)) return isLog ? [0.1, 10] : [0, 1];
  if (isLog) return least === greatest ? [least / 2, greatest * 2] : [least / 1.1, greatest * 1.1];
  const room = (greatest - least) * 0.06 || Math.abs(least) * 0.1 || 1;
  return [least - room, greatest + room];
}

/**
 * The same lists, without what is further off than any screen is high: a canvas takes no place that is too great.
 * @param {readonly (number | null)[][]} lists of values @param {readonly [number, number]} range @param {boolean} isLog
 */
export function withinReach(lists, range, isLog) {
  const [low, high] = isLog ? range.map(Math.log10) : range;
  const back = (/** @type {number} */ value) => (isLog ? 10 ** value : value);
  const [least, greatest] = [back(low - FAR * (high - low)), back(high + FAR * (high - low))];
  return lists.map((values) => values.map((value) => (value === null ? null : Math.max(least, Math.min(greatest, value)))));
}

/**
 * Where a line or its band leaves the range: places on x.
 * @param {readonly number[]} x @param {Drawn} line @param {readonly [number, number]} range
 * @returns {{ over: number[], under: number[] }}
 */
export function outsideOf(x, { values, least, greatest }, [low, high]) {
  const isOver = (/** @type {number | null | undefined} */ value) => (value ?? high) > high;
  const isUnder = (/** @type {number | null | undefined} */ value) => (value ?? low) < low;
  return {
    over: x.filter((_, at) => isOver(values[at]) || isOver(greatest?.[at])),
    under: x.filter((_, at) => isUnder(values[at]) || isUnder(least?.[at])),
  };
}

/** @param {readonly Drawn[]} lines @returns {[number, number]} infinite where there is no value */
function extremesOf(lines) {
  let [low, high] = [Infinity, -Infinity];
  for (const { values, least, greatest } of lines) {
    for (const list of [values, least, greatest]) {
      for (const value of list ?? []) {
        if (value === null) continue;
        if (value < low) low = value;
        if (value > high) high = value;
      }
    }
  }
  return [low, high];
}

/** @param {readonly Drawn[]} lines @param {boolean} isLog @returns {[number, number]} */
function fenceOf(lines, isLog) {
  const [least, greatest] = extremesOf(lines);
  const all = Float64Array.from(lines.flatMap(({ values, least: low, greatest: high }) => [values, low ?? [], high ?? []].flat().filter((value) => value !== null)));
  if (all.length === 0) return [least, greatest];
  if (isLog) all.forEach((value, at) => (all[at] = Math.log10(value)));
  all.sort();
  const [one, three] = [quantileOf(all, 0.25), quantileOf(all, 0.75)];
  const back = (/** @type {number} */ value) => (isLog ? 10 ** value : value);
  return [Math.max(least, back(one - FENCE * (three - one))), Math.min(greatest, back(three + FENCE * (three - one)))];
}

/** Linear between neighbours. @param {Float64Array} sorted @param {number} part */
function quantileOf(sorted, part) {
  const place = part * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (place - below);
}
