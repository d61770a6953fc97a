import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "../../query_api/mldash_api/dashboard/pure/card_csv.js";
import { escaped, svgOf } from "../../query_api/mldash_api/dashboard/pure/card_svg.js";
import { linesOf } from "../../query_api/mldash_api/dashboard/pure/lines.js";
import { FORMULA, smoothed } from "../../query_api/mldash_api/dashboard/pure/smoothing.js";
import { logTicksOf, ticksOf } from "../../query_api/mldash_api/dashboard/pure/ticks.js";

const CARD = { metric: "train/x", field: "loss" };
const HOSTILE = '<script>alert(1)</script>&"\u0000\ud800';

function gridOf(means, prefix = "a/b/c") {
  const of = (value, more) => means.map((mean) => (mean === null ? NaN : value(mean)) + (more ?? 0));
  const count = means.map((mean) => (mean === null ? 0 : 3));
  const statistics = { mean: of(Number), count, least: of((mean) => mean - 1), greatest: of((mean) => mean + 1), missing: means.map((mean) => (mean === null ? 2 : 0)) };
  return { edges: Array.from({ length: means.length + 1 }, (_, at) => at * 10), isFine: false, runs: [{ prefix, statistics, hides: [] }] };
}

const pictureOf = (grid, more = {}) => ({ title: "train · loss", told: "9 points", notes: [], ...linesOf(grid, { isLog: false, halfLife: 0 }), isLog: false, isTime: false, shown: null, parted: null, ink: () => "#123456", ...more });

test("a card's rows have bands, gaps without a value, and the smoothed values by the formula that is named", () => {
  const [heads, ...rows] = rowsOf(gridOf([1, null, 4, 5]), CARD, { x: "index", halfLife: 20, shown: null });
  assert.deepEqual(heads.slice(0, 11), ["run", "metric", "field", "x (index)", "begin", "end", "mean", "count", "least", "greatest", "missing"]);
  assert.ok(heads[11].includes(FORMULA) && heads[11].includes("h = 20"));
  assert.deepEqual(rows[1], ["a/b/c", "train/x", "loss", 15, 10, 20, null, 0, null, null, 2, null]);
  const expected = smoothed([5, 15, 25, 35], [1, NaN, 4, 5], [3, 0, 3, 3], 20);
  assert.deepEqual(rows.map((row) => row[11]), expected);
  const part = rowsOf(gridOf([1, null, 4, 5]), CARD, { x: "index", halfLife: 20, shown: [20, 30] });
  assert.deepEqual(part.slice(1).map((row) => [row[3], row[11]]), [[25, expected[2]]]); // as drawn: what lies before counts
});

test("a picture has each line, band, gap and mark, and names are text", () => {
  const { text, width, height } = svgOf(pictureOf(gridOf([1, 2, null, 4, null, 5, 6], HOSTILE), { title: HOSTILE, notes: [HOSTILE], parted: 15 }));
  assert.ok(width > 0 && height > 300);
  assert.equal(text.match(/fill-opacity/g).length, 3); // bands: two stretches and one alone
  assert.equal(text.match(/<circle/g).length, 1); // a value between gaps
  assert.match(text, /d="M[\d. L]+M[\d. L]+" stroke="#123456"/); // a line in two parts
  assert.match(text, /stroke-dasharray="4 3"/);
  assert.ok(!text.includes("<script") && !text.includes("\u0000") && text.isWellFormed() && !text.includes("NaN"));
  assert.equal(escaped(HOSTILE), "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;\ufffd\ufffd");
});

test("a picture of nothing, of one value, and on a logarithmic axis holds finite places", () => {
  for (const means of [[], [null], [3], [1, 10, 1000]]) {
    for (const isLog of [false, true]) {
      const grid = gridOf(means);
      const { text } = svgOf(pictureOf(grid, { ...linesOf(grid, { isLog, halfLife: 0 }), isLog, isTime: isLog }));
      assert.ok(!/NaN|Infinity/.test(text), text);
    }
  }
});

test("ticks are round and lie within", () => {
  for (let round = 0; round < 500; round++) {
    const least = (Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 20 - 10);
    const greatest = least + Math.random() * 10 ** Math.floor(Math.random() * 20 - 10) + Math.abs(least) * 1e-6;
    const ticks = ticksOf(least, greatest, 6);
    assert.ok(ticks.length <= 8, String(ticks.length));
    const room = (greatest - least) * 1e-6 + Math.abs(least) * 1e-12;
    assert.ok(ticks.every((tick) => tick >= least - room && tick <= greatest + room));
  }
  assert.deepEqual(ticksOf(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(logTicksOf(0.01, 100, 6), [0.01, 0.1, 1, 10, 100]);
  assert.deepEqual(ticksOf(1, 1, 5), [1]);
});
