// One card's data: the grid of pixel columns of its runs, as Arrow.

import { Problem, askColumns } from "../api.js";
import { tableFromIPC } from "../libraries/flechette.js";
import { gridOfLists } from "../pure/grid_lists.js";
import { BANDS, EXTREMES, MOST_BANDS } from "../pure/lines.js";

/** @typedef {import("../pure/lines.js").Grid & { total: number, isSampled: boolean }} Answer */

const MOST_POINTS = 2_000;
const MARGIN_HALF_LIVES = 8; // what lies further back weighs less than 1/256

/**
 * A metric's field, of these runs.
 * @param {import("../pure/cards.js").Card} card @param {string[]} prefixes @param {string} x
 * @returns {import("../widgets/answer.js").Source}
 */
export function metricSource(card, prefixes, x) {
  return {
    key: JSON.stringify([card, prefixes, x]),
    x,
    isTime: x === "time",
    ask: (how, signal) => askGrid(card, prefixes, { x, ...how }, signal),
    want: { prefixes, kinds: ["points"], metrics: [card.metric ?? ""] },
    isOf: (told) => (told.kind ?? "metrics") === "metrics" && (told.name ?? null) === card.metric,
  };
}

/**
 * @param {import("../pure/cards.js").Card} card
 * @param {string[]} prefixes
 * @param {{ x: string, from: number | null, to: number | null, width: number, halfLife: number }} how
 * @param {AbortSignal} signal
 * @returns {Promise<Answer>}
 */
export async function askGrid({ metric, field }, prefixes, { x, from, to, width, halfLife }, signal) {
  const { margin, columns } = widened({ from, to, width, halfLife });
  const query = {
    prefixes,
    ...(metric === null ? { unnamed: true } : { name: metric }),
    fields: [field],
    x,
    start: from === null ? null : Math.max(x === "index" ? 0 : -Infinity, from - margin),
    end: to,
    points: columns,
    statistics: prefixes.length > MOST_BANDS ? EXTREMES : BANDS,
  };
  if (x === "index") for (const bound of /** @type {const} */ (["start", "end"])) if (query[bound] !== null) query[bound] = Math.round(query[bound]);
  const told = await askColumns("v1/metrics/grid", query, signal);
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

/** @param {Uint8Array} bytes @returns {import("../pure/grid_lists.js").Told} */
function gridOfArrow(bytes) {
  const table = tableFromIPC(bytes);
  const told = table.schema.metadata ?? new Map();
  // A stream that was cut between its parts is a shorter table, without a word.
  if (String(table.numRows) !== told.get("mldash.rows")) throw new Problem({ detail: "The answer was cut off on its way." });
  const begins = table.numRows > 0 ? Array.from(table.getChildAt(0).toArray()) : [];
  const edges = begins.length > 0 ? [...begins, Number(told.get("mldash.end"))] : [];
  /** @type {Map<string, import("../pure/lines.js").GridRun>} */
  const runs = new Map();
  table.schema.fields.forEach(({ metadata }, at) => {
    const prefix = metadata?.get("mldash.prefix");
    if (prefix === undefined) return;
    const hides = (metadata?.get("mldash.hides") ?? "").split(",").filter(Boolean).map(Number);
    const run = runs.get(prefix) ?? { prefix, statistics: {}, hides };
    run.statistics[metadata?.get("mldash.statistic") ?? ""] = table.numRows > 0 ? table.getChildAt(at).toArray() : [];
    runs.set(prefix, run);
  });
  return { edges, runs: [...runs.values()], all: JSON.parse(told.get("mldash.runs") ?? "[]") };
}

/** @param {import("../pure/grid_lists.js").Told} told @returns {Answer} */
function answerOf({ edges, runs, all }) {
  const isFine = runs.every(({ statistics, hides }) => hides.length === 0 && Array.from(statistics.count).every((count) => count <= 1));
  return {
    edges,
    isFine,
    runs,
    total: all.reduce((sum, { totalPoints }) => sum + totalPoints, 0),
    isSampled: all.some(({ sampled }) => sampled),
  };
}
