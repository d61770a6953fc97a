import assert from "node:assert/strict";
import { test } from "node:test";
import { axesOf, expressionsOf, nameOf, namesWithout, sectionsOf, titleOf } from "../../query_api/mldash_api/dashboard/pure/cards.js";
import { svgOf } from "../../query_api/mldash_api/dashboard/pure/card_svg.js";
import { parseExact } from "../../query_api/mldash_api/dashboard/pure/exact.js";
import { gridOfLists } from "../../query_api/mldash_api/dashboard/pure/grid_lists.js";
import { WAYS, labelsOf, linesOfGroups, wayOf } from "../../query_api/mldash_api/dashboard/pure/grouping.js";
import { EXTREMES, linesOf } from "../../query_api/mldash_api/dashboard/pure/lines.js";
import { outsideOf, rangeOf, withinReach } from "../../query_api/mldash_api/dashboard/pure/scale.js";
import { smoothed } from "../../query_api/mldash_api/dashboard/pure/smoothing.js";
import { treeOf } from "../../query_api/mldash_api/dashboard/pure/tree.js";
import { countBy, pagesOf } from "../../query_api/mldash_api/dashboard/pure/windows.js";

const some = (length, make) => Array.from({ length }, (_, at) => make(at));
const near = (one, two) => assert.ok(Math.abs(one - two) <= 1e-12 * Math.max(1, Math.abs(two)), `${one} is not ${two}`);
const PICTURE = { title: "", told: "", notes: [], isLog: false, isTime: false, shown: null, parted: null, ink: () => "#123456" };

test("a grid that is told as lists has its NaN and infinities", () => {
  const series = [{ run: 1, field: "loss", statistics: { mean: [1, "NaN", null, "Infinity", "-Infinity"] }, hides: [2] }];
  const runs = [{ prefix: "a/b/c", totalPoints: 0, sampled: false }, { prefix: "a/b/d", totalPoints: 5, sampled: false }];
  const { edges, runs: [run, ...others], all } = gridOfLists({ edges: [0, 1, 2, 3, 4, 5], runs, series });
  assert.deepEqual([run.prefix, run.hides, others, all, edges.length], ["a/b/d", [2], [], runs, 6]);
  assert.deepEqual([...run.statistics.mean], [1, NaN, NaN, Infinity, -Infinity]);
});

test("smoothing is the formula that is written down", () => {
  for (let round = 0; round < 200; round++) {
    const length = 1 + Math.floor(Math.random() * 60);
    let place = Math.random() * 100;
    const x = some(length, () => (place += Math.random() * 10));
    const y = some(length, () => (Math.random() < 0.1 ? NaN : Math.random() * 20 - 10));
    const n = some(length, () => 1 + Math.floor(Math.random() * 50));
    const half = 0.1 + Math.random() * 40;
    smoothed(x, y, n, half).forEach((value, at) => {
      if (Number.isNaN(y[at])) return assert.equal(value, null);
      let [sum, weight] = [0, 0];
      for (let back = 0; back <= at; back++) {
        if (Number.isNaN(y[back])) continue;
        const own = n[back] * 2 ** (-(x[at] - x[back]) / half);
        sum += own * y[back];
        weight += own;
      }
      near(value, sum / weight);
    });
  }
});

test("new points never change the smoothed past", () => {
  const x = some(300, (at) => at);
  const y = some(300, () => Math.random());
  const n = some(300, () => 1);
  const whole = smoothed(x, y, n, 12);
  for (const until of [1, 2, 50, 299]) assert.deepEqual(smoothed(x.slice(0, until), y, n, 12), whole.slice(0, until));
});

test("without a half-life the values stay as they are", () => {
  assert.deepEqual(smoothed([0, 1, 2], [3, NaN, 5], [1, 0, 1], 0), [3, null, 5]);
});

const run = (columns, make) => {
  const statistics = { mean: [], count: [], missing: [], least: [], greatest: [], first: [], last: [] };
  for (let at = 0; at < columns; at++) for (const [name, value] of Object.entries(make(at))) statistics[name].push(value);
  return { prefix: "a/b/c", statistics, hides: [] };
};
const one = (value, more = {}) => ({ mean: value, least: value, greatest: value, first: value, last: value, count: 1, missing: 0, ...more });
const none = { mean: NaN, least: NaN, greatest: NaN, first: NaN, last: NaN, count: 0, missing: 1 };
const HOW = { isLog: false, halfLife: 0 };

test("of many runs each line goes through the first, least, greatest and last of its columns", () => {
  const column = (at) => ({ mean: 5, first: 4, least: at - 100, greatest: at + 100, last: 6, count: 9, missing: 0 });
  const runs = some(11, () => run(20, column));
  const { x, lines } = linesOf({ edges: some(21, (at) => at * 10), isFine: false, runs }, HOW);
  assert.equal(x.length, 80);
  assert.ok(x.every((place, at) => at === 0 || place > x[at - 1]));
  for (let at = 0; at < 20; at++) assert.deepEqual([...lines[0].values.slice(at * 4, at * 4 + 4)].sort((a, b) => a - b), [at - 100, 4, 6, at + 100].sort((a, b) => a - b));
  assert.ok(EXTREMES.includes("first"));
});

test("of few runs the band has every extreme", () => {
  const column = (at) => ({ ...one(1), least: -at, greatest: at });
  const { lines } = linesOf({ edges: some(6, (at) => at * 2), isFine: false, runs: [run(5, column)] }, HOW);
  assert.deepEqual(lines[0].greatest, [0, 1, 2, 3, 4]);
  assert.deepEqual(lines[0].least.map((value) => value + 0), [0, -1, -2, -3, -4]);
});

test("what is no number is a gap with a mark, and infinity is beyond", () => {
  const values = [one(1), none, one(Infinity), one(2)];
  const { lines } = linesOf({ edges: [0, 1, 2, 3, 4], isFine: true, runs: [run(4, (at) => values[at])] }, HOW);
  assert.deepEqual(lines[0].values, [1, null, null, 2]);
  assert.deepEqual([lines[0].missing, lines[0].beyond], [[1], [2]]);
});

test("a field that only some points have is one line, not a row of marks", () => {
  const { lines } = linesOf({ edges: some(101, (at) => at), isFine: true, runs: [run(100, (at) => (at % 10 ? none : one(at)))] }, HOW);
  assert.deepEqual([lines[0].isSparse, lines[0].missing], [true, []]);
  const ends = linesOf({ edges: some(101, (at) => at), isFine: true, runs: [run(100, (at) => (at > 30 ? none : one(at)))] }, HOW).lines[0];
  assert.deepEqual([ends.isSparse, ends.missing.length], [false, 69]);
});

test("on a logarithmic axis what is not above 0 is marked and never moved", () => {
  const values = [one(1), one(0), one(-5), one(100)];
  const { lines } = linesOf({ edges: [0, 1, 2, 3, 4], isFine: true, runs: [run(4, (at) => values[at])] }, { isLog: true, halfLife: 0 });
  assert.deepEqual([lines[0].values, lines[0].below], [[1, null, null, 100], [1, 2]]);
  const [least, greatest] = rangeOf(lines, true);
  assert.ok(least > 0 && least < 1 && greatest > 100);
});

test("a range is finite whatever is drawn", () => {
  const empty = { prefix: "", values: [null], least: null, greatest: null, missing: [], below: [], beyond: [], isSparse: false };
  for (const lines of [[], [empty], [{ ...empty, values: [7] }]]) for (const isLog of [true, false]) assert.ok(rangeOf(lines, isLog).every(Number.isFinite));
});

test("cards lie in sections by the begin of their metric's name, counters last", () => {
  const statistics = [["train", "step"], ["train", "loss"], ["system/gpu", "util"], [null, "x"], ["train", "loss"]].map(([metric, field]) => ({ metric, field, statistic: "last" }));
  const sections = sectionsOf(statistics, "");
  assert.deepEqual(sections.map(({ name, cards }) => [name, cards.map(titleOf)]), [["system", ["gpu · util"]], ["train", ["loss", "step"]], ["without a name", ["x"]]]);
  assert.deepEqual(sectionsOf(statistics, "gpu|x$").map(({ name }) => name), ["system", "without a name"]);
  assert.equal(sectionsOf(statistics, "(").length, 3);
  assert.deepEqual(axesOf(statistics), ["step", "loss", "util", "x"]);
});

test("an expression has a card of its own, before the fields of its metric, and its name brings it back", () => {
  const statistics = [{ metric: "train", field: "loss", statistic: "last" }];
  const cards = [{ metric: "train", field: "log10(loss)", isExpression: true }, { metric: "train", field: "loss", isExpression: true }];
  const names = cards.map(nameOf);
  assert.deepEqual(expressionsOf(names), cards);
  const [train] = sectionsOf(statistics, "", [], expressionsOf(names));
  assert.deepEqual(train.cards, [...cards, { metric: "train", field: "loss" }]);
  assert.deepEqual(sectionsOf(statistics, "", [names[1]], cards)[0], { name: "Pinned", cards: [cards[1]] });
  for (const odd of ["", "3", "{}", '["a", "b"]', '["a", 3, "expression"]', "[[], \"b\", \"expression\"]", '["a"']) assert.deepEqual(expressionsOf([odd]), []);
});

test("outliers are out of the scale by the formula that is written down, and are told", () => {
  const line = (values) => ({ values, least: null, greatest: null });
  const values = [1, 2, 3, 4, 5, 1000, null, -1000];
  const [low, high] = rangeOf([line(values)], false, true); // q₁ = 1.5, q₃ = 4.5 of -1000, 1, 2, 3, 4, 5, 1000
  near(low, -7.5 - 21 * 0.06);
  near(high, 13.5 + 21 * 0.06);
  assert.deepEqual(outsideOf(some(8, (at) => at), line(values), [low, high]), { over: [5], under: [7] });
  assert.deepEqual(rangeOf([line([1, 2, 3])], false, true), rangeOf([line([1, 2, 3])], false));
  const [least, most] = rangeOf([line([1, 10, 100, 1e30])], true, true); // q₁ = 0.75, q₃ = 9.25 of the exponents
  assert.ok(least < 1 && least > 0.9 && most > 1e30);
  for (const some of [[], [null], [7, 7, 7, 7, 7, 9]]) for (const isLog of [true, false]) assert.ok(rangeOf([line(some)], isLog, true).every(Number.isFinite));
});

test("groups are lines and bands of what the API tells over their runs", () => {
  const groups = [{ values: { "params.lr": 0.1, "params.optimizer.name": "<b>" }, runs: [0, 2] }, { values: {}, runs: [1] }];
  const told = { "mean mean": [1, 2, NaN], "mean count": [2, 1, 0], "mean se": [0.5, NaN, NaN], "mean low": [0.6, NaN, NaN], "mean high": [1.4, NaN, NaN],
    "mean median": [1.1, 2, NaN], "least min": [0, 1, NaN], "greatest max": [3, Infinity, NaN], "count max": [1, 1, 0], "missing max": [0, 1, 1] };
  const columns = Object.entries(told).map(([name, values]) => ({ group: 0, statistic: name.split(" ")[0], over: name.split(" ")[1], values }));
  const of = (way) => linesOfGroups(groups, columns, wayOf(way), ["params.lr", "params.optimizer.name"]);
  const { runs: [one, ...others], isFine } = of("mean");
  assert.deepEqual([others, isFine, one.hides], [[], true, [1]]);
  assert.deepEqual([one.prefix, one.name], ["lr = 0.1, name = <b>", "lr = 0.1, name = <b> (2 runs)"]);
  assert.deepEqual(labelsOf([groups[1]], ["params.lr"]), ["lr = –"]);
  const bands = Object.fromEntries(WAYS.map(({ name }) => [name, of(name).runs[0].statistics]));
  assert.deepEqual([bands.mean.least, bands.mean.greatest], [[0, 1, NaN], [3, Infinity, NaN]]);
  assert.deepEqual([bands["mean-se"].least[0], bands["mean-se"].greatest[0], bands["mean-se"].least[1]], [0.5, 1.5, NaN]);
  assert.deepEqual([bands["mean-ci"].least[0], bands["mean-ci"].greatest[0]], [0.6, 1.4]);
  assert.deepEqual(bands.median.mean, [1.1, 2, NaN]);
  const grid = { edges: [0, 1, 2, 3], isFine, isGrouped: true, runs: [{ ...one, statistics: bands["mean-se"] }] };
  const { lines: [line] } = linesOf(grid, HOW);
  assert.deepEqual([line.values, line.least, line.missing, line.beyond], [[1, 2, null], [0.5, null, null], [1, 2], []]);
  assert.equal(linesOf({ ...grid, runs: some(11, () => one) }, HOW).lines[0].least, null);
});

test("no two groups have one name", () => {
  const texts = ["0.1", '"0.1"', "true", '"true"', "null", '"null"', "9007199254740993", "9007199254740992", '"NaN"', '"Infinity"', '"-Infinity"', '""', '"“”"', "[1]", '"[1]"', '"–"'];
  const groups = texts.map((text, run) => ({ values: { "params.lr": parseExact(text) }, runs: [run] }));
  const labels = labelsOf([...groups, { values: {}, runs: [99] }], ["params.lr"]);
  assert.equal(new Set(labels).size, labels.length, labels.join("\n"));
  assert.deepEqual(labels.slice(0, 9), ["0.1", '"0.1"', "true", '"true"', "null", '"null"', "9007199254740993", "9007199254740992", "NaN"].map((text) => `lr = ${text}`));
  assert.deepEqual(labelsOf([groups[0], groups[0], groups[0]], ["params.lr"]), ["lr = 0.1", "lr = 0.1 #2", "lr = 0.1 #3"]);
});

test("an infinity over the runs of a group is marked, and no band goes through it", () => {
  const of = (mean, least, greatest) => {
    const statistics = { mean, least, greatest, count: mean.map(() => 2), missing: mean.map(() => 0) };
    return linesOf({ edges: some(mean.length + 1, (at) => at), isFine: true, isGrouped: true, runs: [{ prefix: "g", name: "g (2 runs)", statistics, hides: [] }] }, HOW);
  };
  assert.deepEqual(of([1, Infinity], [0.5, NaN], [1.5, NaN]).lines[0].beyond, [1]);
  const drawn = of([101, Infinity, 102, 101], [100, 100, 100, 100], [102, Infinity, 103, 102]);
  const { text } = svgOf({ ...PICTURE, ...drawn, isCut: false });
  const bands = text.match(/<path d="[^"]*" fill="#123456" fill-opacity/g);
  assert.equal(bands.length, 2);
  for (const [, y] of bands.join(" ").matchAll(/[ML][\d.-]+ ([\d.-]+)/g)) assert.ok(y >= 44 && y <= 344, bands.join("\n"));
  assert.ok(!/NaN|Infinity/.test(text));
});

test("what is cut is not drawn at places that no canvas has", () => {
  const values = [...some(40, (at) => at), 1e300, -1e300];
  const line = { prefix: "a", name: "a", isGroup: false, values, least: null, greatest: null, missing: [], below: [], beyond: [], isSparse: false };
  const { text } = svgOf({ ...PICTURE, x: some(42, (at) => at), lines: [line], isCut: true });
  const numbers = text.match(/ d="[^"]*"/g).join(" ").match(/-?\d+(\.\d+)?(e\+\d+)?/g).map(Number);
  assert.ok(numbers.length > 80 && numbers.every((number) => Math.abs(number) <= 1e7));
  for (const [isLog, list] of [[false, values], [true, values.map((value) => (value > 0 ? value : null))]]) {
    const range = rangeOf([{ ...line, values: list }], isLog, true);
    const [held] = withinReach([list], range, isLog);
    assert.deepEqual(held.slice(0, 40), list.slice(0, 40));
    const scale = (value) => (isLog ? Math.log10(value) : value);
    const height = scale(range[1]) - scale(range[0]);
    assert.ok(held.every((value) => value === null || Math.abs(scale(value) - scale(range[0])) <= 1.01e4 * height));
    assert.ok(isLog || (held[40] > range[1] && held[41] < range[0]));
  }
});

test("the range of lines is found once", () => {
  let reads = 0;
  const line = { get values() { return reads++, [1, 2, 3, 1000]; }, least: null, greatest: null };
  const lines = [line];
  const both = [rangeOf(lines, false, true), rangeOf(lines, false, false)];
  const before = reads;
  assert.deepEqual([rangeOf(lines, false, true), rangeOf(lines, false)], both);
  assert.deepEqual([reads, before > 0], [before, true]);
  assert.notDeepEqual(rangeOf(lines, true, false), both[1]);
});

test("an expression is taken away however the address has it written", () => {
  const [one, two] = ["a", "b"].map((field) => ({ metric: null, field, isExpression: true }));
  assert.deepEqual(namesWithout(['[null, "a",  "expression"]', nameOf(one), nameOf(two), "odd"], one), [nameOf(two)]);
});

test("lines are counted by few questions", async () => {
  for (const count of [0, 1, 2, 3, 17, 1000, 999_999]) {
    let asked = 0;
    assert.equal(await countBy(async (offset) => (asked++, offset < count)), count);
    assert.ok(asked < 45);
  }
  assert.deepEqual(pagesOf(190, 410, 200), [0, 1, 2]);
});

test("a tree holds every parameter that was looked for", () => {
  const rows = [{ name: "optimizer.lr", value: 0.1 }, { name: "optimizer.name", value: "adam" }, { name: "seed", value: 3 }];
  assert.deepEqual(treeOf(rows, "adam").map(({ key, below }) => [key, below.map((node) => node.value)]), [["optimizer", ["adam"]]]);
  assert.equal(treeOf(rows, "").length, 2);
  assert.equal(treeOf(rows, "nothing").length, 0);
});
