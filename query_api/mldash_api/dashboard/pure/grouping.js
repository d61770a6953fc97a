// Runs of a group as one line and one band (docs/http.md, "Grids"), and how that is said.

import { textOf } from "./comparison.js";
import { partsOf } from "./fields.js";

/**
 * @typedef {object} Way
 * @property {string} name      in addresses
 * @property {string} title
 * @property {readonly string[]} over        asked over the runs of a group, of each of the statistics
 * @property {readonly string[]} statistics  asked of each run
 * @property {string} centre    the line, in words
 * @property {string} spread    the band, in words
 *
 * @typedef {{ group: number, statistic: string, over: string, values: ArrayLike<number> }} Column
 * @typedef {{ values: Record<string, unknown>, runs: number[] }} Group
 */

const MEAN = "c = (1/m) Σᵣ yᵣ, yᵣ the mean of the numbers of run r in a column of pixels, of the m runs of the group that have one";
const MEDIAN = "c = the median of yᵣ, yᵣ the mean of the numbers of run r in a column of pixels, of the m runs of the group that have one";
const RANGE = "from the least to the greatest number of all runs";
const ALWAYS = /** @type {const} */ (["mean", "count", "missing"]);

/** @type {readonly Way[]} */
export const WAYS = [
  { name: "mean", title: "mean, least to greatest", over: ["mean", "min", "max"], statistics: [...ALWAYS, "least", "greatest"], centre: MEAN, spread: RANGE },
  { name: "mean-se", title: "mean ± standard error", over: ["mean", "max", "se"], statistics: ALWAYS, centre: MEAN, spread: "c ± √(Σᵣ (yᵣ − c)² / (m − 1) / m)" },
  { name: "mean-ci", title: "mean, 95 % bootstrap interval", over: ["mean", "max", "ci"], statistics: ALWAYS, centre: MEAN, spread: "the 2.5 and 97.5 percentiles of c of 1,000 draws of m of the m runs, with replacement" },
  { name: "median", title: "median, least to greatest", over: ["median", "min", "max"], statistics: [...ALWAYS, "least", "greatest"], centre: MEDIAN, spread: RANGE },
];

/** @param {string} name @returns {Way | null} null: a line a run */
export function wayOf(name) {
  return WAYS.find((way) => way.name === name) ?? null;
}

/** @param {Way} way */
export function formulaOf({ centre, spread }) {
  return `line: ${centre}; band: ${spread}`;
}

/**
 * Groups as lines are drawn of: in place of runs, and of points their runs.
 * @param {readonly Group[]} groups @param {readonly Column[]} columns @param {Way} way @param {readonly string[]} fields by which they are
 * @returns {{ runs: import("./lines.js").GridRun[], isFine: boolean }}
 */
export function linesOfGroups(groups, columns, way, fields) {
  let isFine = true;
  const labels = labelsOf(groups, fields);
  const runs = groups.flatMap((group, number) => {
    const of = (/** @type {string} */ statistic, /** @type {string} */ over) =>
      columns.find((one) => one.group === number && one.statistic === statistic && one.over === over)?.values ?? [];
    const centre = of("mean", way.over[0]);
    if (centre.length === 0) return []; // no run of it has the field
    const [most, missing] = [of("count", "max"), Array.from(of("missing", "max"), (value) => value || 0)];
    isFine &&= Array.from(most).every((count) => !(count > 1)) && missing.every((count) => count <= 1);
    const count = of("mean", "count");
    const { least, greatest } = bandOf(way, of, centre);
    const hides = missing.flatMap((value, at) => (value > 0 && count[at] > 0 ? [at] : []));
    const prefix = labels[number];
    const name = `${prefix} (${group.runs.length} ${group.runs.length === 1 ? "run" : "runs"})`;
    return [{ prefix, name, statistics: { mean: centre, count, least, greatest, missing }, hides }];
  });
  return { runs, isFine };
}

/**
 * @param {Way} way @param {(statistic: string, over: string) => ArrayLike<number>} of @param {ArrayLike<number>} centre
 * @returns {{ least: ArrayLike<number>, greatest: ArrayLike<number> }} NaN where there is none: of fewer than two runs
 */
function bandOf(way, of, centre) {
  if (way.spread === RANGE) return { least: of("least", "min"), greatest: of("greatest", "max") };
  if (way.over.includes("ci")) return { least: of("mean", "low"), greatest: of("mean", "high") };
  const error = of("mean", "se");
  return { least: Float64Array.from(centre, (value, at) => value - error[at]), greatest: Float64Array.from(centre, (value, at) => value + error[at]) };
}

/**
 * What each is called, no two alike: colour, legend and file know a group by its name.
 * @param {readonly Group[]} groups @param {readonly string[]} fields
 * @returns {string[]}
 */
export function labelsOf(groups, fields) {
  const taken = new Set();
  return groups.map((group) => {
    const label = labelOf(group, fields);
    let name = label;
    for (let number = 2; taken.has(name); number++) name = `${label} #${number}`;
    taken.add(name);
    return name;
  });
}

/** @param {Group} group @param {readonly string[]} fields */
function labelOf({ values }, fields) {
  if (fields.length === 0) return "all runs";
  return fields.map((field) => `${partsOf(field).at(-1)} = ${field in values ? wordsOf(values[field]) : "–"}`).join(", ");
}

/** @param {unknown} value */
function wordsOf(value) {
  return textOf(value) || "“”";
}
