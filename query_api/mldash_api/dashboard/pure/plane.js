// Parameters against results: of each run where it lies on each of the chosen axes.
//
// An axis of finite numbers goes from the least (0) to the greatest (1), on a logarithmic scale where all are above 0 and
// the greatest is 100 times the least or more. Any other axis has a place for each value, in the order of the values'
// texts. A run without a value, or with one that is not finite beside numbers, has no place on it.

import { numberOf } from "./columns.js";
import { textOf } from "./comparison.js";
import { Written } from "./exact.js";
import { fieldOf } from "./fields.js";
import { formatNumber } from "./numbers.js";
import { logTicksOf, ticksOf } from "./ticks.js";

/**
 * @typedef {import("./comparison.js").Field} Field
 *
 * @typedef {object} Axis
 * @property {string} name    as in addresses: a field of the API's
 * @property {string} title
 * @property {boolean} isLog
 * @property {(number | null)[]} places  0 … 1, of each run; null: none
 * @property {string[]} texts  the value of each run
 * @property {{ at: number, text: string }[]} ticks
 */

const WIDE = 100;
const MOST_TICKS = 6;

/** What the address calls it. @param {Field} field */
export function axisName({ path, statistic }) {
  if (path[0] !== "metrics") return fieldOf(path);
  const metric = path.slice(1, -1).join("/");
  const isUnnamed = path.length === 2;
  const word = isUnnamed ? "null" : metric === "null" ? JSON.stringify(metric) : fieldOf([metric]);
  return `metrics.${word}.${fieldOf([/** @type {string} */ (path.at(-1)), statistic])}`;
}

/**
 * Those that can be an axis: parameters and results that not all runs have alike.
 * @param {readonly Field[]} fields
 */
export function choicesOf(fields) {
  return fields.filter(({ path, values }) => path[0] !== "context" && new Set(values.map(textOf)).size > 1);
}

/** @param {Field} field @returns {Axis} */
export function axisOf(field) {
  const { path, detail, values } = field;
  const title = path.slice(1).join(path[0] === "metrics" ? "/" : ".") + (detail ? ` · ${detail}` : "");
  const about = { name: axisName(field), title, texts: values.map((value) => (value === undefined ? "–" : typeof value === "number" ? formatNumber(value) : textOf(value))) };
  const read = values.map(numberOf); // an infinity, or NaN, among numbers
  const isOfNumbers = read.every((value) => value === undefined || typeof value === "number" || value instanceof Written);
  return isOfNumbers ? { ...about, ...ofNumbers(read.map((value) => (value === undefined ? undefined : Number(value)))) } : { ...about, ...ofWords(values) };
}

/** @param {(number | undefined)[]} values */
function ofNumbers(values) {
  const finite = /** @type {number[]} */ (values.filter((value) => Number.isFinite(value)));
  const [least, greatest] = [Math.min(...finite), Math.max(...finite)];
  const isLog = least > 0 && greatest / least >= WIDE;
  const scale = (/** @type {number} */ value) => (isLog ? Math.log(value) : value);
  const width = scale(greatest) - scale(least);
  const placeOf = (/** @type {number} */ value) => (width > 0 ? (scale(value) - scale(least)) / width : 0.5);
  const ticks = finite.length === 0 ? [] : (isLog ? logTicksOf : ticksOf)(least, greatest, MOST_TICKS);
  return {
    isLog,
    places: values.map((value) => (value !== undefined && Number.isFinite(value) ? placeOf(value) : null)),
    ticks: ticks.map((value) => ({ at: placeOf(value), text: formatNumber(value) })),
  };
}

/** @param {unknown[]} values */
function ofWords(values) {
  const words = [...new Set(values.filter((value) => value !== undefined).map(textOf))].sort();
  const placeOf = (/** @type {string} */ word) => (words.indexOf(word) + 0.5) / words.length;
  const every = Math.ceil(words.length / (3 * MOST_TICKS));
  return {
    isLog: false,
    places: values.map((value) => (value === undefined ? null : placeOf(textOf(value)))),
    ticks: words.filter((_, at) => at % every === 0).map((word) => ({ at: placeOf(word), text: word })),
  };
}

/**
 * The runs that can be pointed at, in the order of the first axis, then of the next ones.
 * @param {readonly Axis[]} axes @returns {number[]}
 */
export function orderOf(axes) {
  const runs = axes[0].places.map((_, run) => run).filter((run) => isDrawn(axes, run));
  return runs.sort((one, two) => {
    for (const { places } of axes) {
      const difference = (places[one] ?? 2) - (places[two] ?? 2);
      if (difference !== 0) return difference;
    }
    return one - two;
  });
}

/** On a scatter with both places; of more axes with two beside each other. @param {readonly Axis[]} axes @param {number} run */
function isDrawn(axes, run) {
  return axes.some(({ places }, at) => at > 0 && places[run] !== null && axes[at - 1].places[run] !== null);
}
