// A card's picture as rows: of each run and column of pixels its statistics, and what is drawn smoothed.

import { linesOf, placesOf } from "./lines.js";
import { formulaOf } from "./grouping.js";
import { FORMULA } from "./smoothing.js";

// What the statistics of a group are: pure/grouping.js.
const GROUPED = /** @type {Record<string, string>} */ ({ mean: "line", count: "runs", least: "band from", greatest: "band to", missing: "most points of a run without a number" });

/**
 * Columns that hold no point of the run are left out; so are those outside of the part that is shown.
 * @param {import("./lines.js").Grid} grid
 * @param {import("./cards.js").Card} card
 * @param {{ x: string, halfLife: number, shown: readonly [number, number] | null, way: import("./grouping.js").Way | null }} how
 *   way: how groups are made a line of, null: a line a run
 * @returns {unknown[][]} the heads first
 */
export function rowsOf(grid, { metric, field, isExpression }, { x, halfLife, shown, way }) {
  const names = Object.keys(grid.runs[0]?.statistics ?? {});
  const isSmooth = halfLife > 0;
  const smoothed = isSmooth ? linesOf(grid, { isLog: false, halfLife }).lines.map(({ values }) => values) : [];
  const called = (/** @type {string} */ name) => (way ? (GROUPED[name] ?? name) : name);
  const of = [way ? `group, ${formulaOf(way)}` : "run", "metric", isExpression ? "expression" : "field"];
  const heads = [...of, `x (${x})`, "begin", "end", ...names.map(called)];
  if (isSmooth) heads.push(`smoothed, half-life h = ${halfLife}: ${FORMULA}`);
  const places = placesOf(grid);
  const [from, to] = shown ?? [-Infinity, Infinity];
  /** @type {unknown[][]} */
  const rows = [heads];
  grid.runs.forEach(({ prefix, statistics }, run) => {
    for (let at = 0; at < places.length; at++) {
      const { count, missing } = statistics;
      if (!(count[at] > 0 || missing[at] > 0) || places[at] < from || places[at] > to) continue;
      const values = names.map((name) => (count[at] > 0 || name === "count" || name === "missing" ? statistics[name][at] : null));
      const row = [prefix, metric, field, places[at], grid.edges[at], grid.isFine ? grid.edges[at] : grid.edges[at + 1], ...values];
      if (isSmooth) row.push(smoothed[run][at]);
      rows.push(row);
    }
  });
  return rows;
}
