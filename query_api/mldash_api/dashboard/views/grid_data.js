// One card's data: the grid of pixel columns of its runs, as Arrow.

import { Problem, askColumns } from "../api.js";
import { tableFromIPC } from "../libraries/flechette.js";
import { parseExact } from "../pure/exact.js";
import { gridOfLists } from "../pure/grid_lists.js";
import { linesOfGroups } from "../pure/grouping.js";
import { BANDS, EXTREMES, MOST_BANDS } from "../pure/lines.js";

/** @typedef {import("../pure/lines.js").Grid & { total: number, isSampled: boolean }} Answer */

const MOST_POINTS = 2_000;
const MARGIN_HALF_LIVES = 8; // what lies further back weighs less than 1/256

/** @typedef {{ way: import("../pure/grouping.js").Way, fields: readonly string[] }} Grouped  fields: none, and all runs are one */

/**
 * A metric's field, or an expression over its fields, of these runs.
 * @param {import("../pure/cards.js").Card} card @param {string[]} prefixes @param {string} x
 * @param {Grouped | null} grouped  null: a line a run
 * @returns {import("../widgets/answer.js").Source}
 */
export function metricSource(card, prefixes, x, grouped) {
  return {
    key: JSON.stringify([card, prefixes, x, grouped && [grouped.way.name, grouped.fields]]),
    x,
    isTime: x === "time",
    way: grouped?.way ?? null,
    ask: (how, signal) => askGrid(card, prefixes, { x, grouped, ...how }, signal),
    want: { prefixes, kinds: ["points"], metrics: [card.metric ?? ""] },
    isOf: (told) => (told.kind ?? "metrics") === "metrics" && (told.name ?? null) === card.metric,
  };
}

/**
 * @param {import("../pure/cards.js").Card} card
 * @param {string[]} prefixes
 * @param {{ x: string, grouped: Grouped | null, from: number | null, to: number | null, width: number, halfLife: number }} how
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function askGrid({ metric, field, isExpression }, prefixes, { x, grouped, from, to, width, halfLife }, signal) {
  const { margin, columns } = widened({ from, to, width, halfLife });
  const query = {
    prefixes,
    ...(metric === null ? { unnamed: true } : { name: metric }),
    ...(isExpression ? { expression: [field] } : { fields: [field] }),
    x,
    start: from === null ? null : Math.max(x === "index" ? 0 : -Infinity, from - margin),
    end: to,
    points: columns,
    ...(grouped
      ? { statistics: grouped.way.statistics, over: grouped.way.over, group: grouped.fields }
      : { statistics: prefixes.length > MOST_BANDS ? EXTREMES : BANDS }),
  };
  if (x === "index") for (const bound of /** @type {const} */ (["start", "end"])) if (query[bound] !== null) query[bound] = Math.round(query[bound]);
  const told = await askColumns("v1/metrics/grid", query, signal);
  if (grouped) return groupsOfArrow(told, grouped);
  return answerOf(told instanceof Uint8Array ? gridOfArrow(told) : gridOfLists(told));
}

/**
 * Smoothing looks back: of a part, what lies before it is asked for too, so that zooming moves no line.
 * @param {{ from: number | null, to: number | null, width: number, halfLife: number }} how
 * @returns {{ margin: number, columns: number }} so much of x before `from`, and of how many columns all of it is
 */
export function widened({ from, to, width, halfLife }) {
  const margin = halfLife > 0 && from !== null ? MARGIN_HALF_LIVES * halfLife : 0;
  const wider = margin > 0 && to !== null && from !== null ? 1 + margin / Math.max(to - from, Number.MIN_VALUE) : 1;
  return { margin, columns: Math.round(Math.min(MOST_POINTS, Math.max(50, width) * Math.min(wider, 4))) };
}

/** @param {Uint8Array} bytes */
function columnsOfArrow(bytes) {
  const table = tableFromIPC(bytes);
  const told = table.schema.metadata ?? new Map();
  // A stream that was cut between its parts is a shorter table, without a word.
  if (String(table.numRows) !== told.get("mldash.rows")) throw new Problem({ detail: "The answer was cut off on its way." });
  const valuesAt = (/** @type {number} */ at) => (table.numRows > 0 ? table.getChildAt(at).toArray() : []);
  const begins = Array.from(valuesAt(0));
  const edges = begins.length > 0 ? [...begins, Number(told.get("mldash.end"))] : [];
  const columns = table.schema.fields.slice(1).map(({ metadata }, at) => ({
    of: (/** @type {string} */ name) => metadata?.get(`mldash.${name}`) ?? "",
    values: /** @type {ArrayLike<number>} */ (valuesAt(at + 1)),
  }));
  const listOf = (/** @type {string} */ name) => parseExact(told.get(`mldash.${name}`) ?? "[]");
  return { edges, columns, listOf, all: /** @type {{ totalPoints: number, sampled: boolean }[]} */ (listOf("runs")) };
}

/** @param {Uint8Array} bytes @returns {import("../pure/grid_lists.js").Told} */
function gridOfArrow(bytes) {
  const { edges, columns, all } = columnsOfArrow(bytes);
  /** @type {Map<string, import("../pure/lines.js").GridRun>} */
  const runs = new Map();
  for (const { of, values } of columns) {
    const prefix = of("prefix");
    const run = runs.get(prefix) ?? { prefix, statistics: {}, hides: of("hides").split(",").filter(Boolean).map(Number) };
    run.statistics[of("statistic")] = values;
    runs.set(prefix, run);
  }
  return { edges, runs: [...runs.values()], all };
}

/** @param {Uint8Array} bytes @param {Grouped} grouped @returns {Answer} */
function groupsOfArrow(bytes, { way, fields }) {
  const { edges, columns, listOf, all } = columnsOfArrow(bytes);
  const named = columns.map(({ of, values }) => ({ group: Number(of("group")), statistic: of("statistic"), over: of("over"), values }));
  const { runs, isFine } = linesOfGroups(listOf("groups"), named, way, fields);
  return { edges, isFine, isGrouped: true, runs, ...pointsOf(all) };
}

/** @param {import("../pure/grid_lists.js").Told} told @returns {Answer} */
function answerOf({ edges, runs, all }) {
  const isFine = runs.every(({ statistics, hides }) => hides.length === 0 && Array.from(statistics.count).every((count) => count <= 1));
  return { edges, isFine, runs, ...pointsOf(all) };
}

/** @param {{ totalPoints: number, sampled: boolean }[]} all */
function pointsOf(all) {
  return { total: all.reduce((sum, { totalPoints }) => sum + totalPoints, 0), isSampled: all.some(({ sampled }) => sampled) };
}
