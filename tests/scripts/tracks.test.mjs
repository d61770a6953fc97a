import assert from "node:assert/strict";
import { test } from "node:test";
import { gridOf, nameOf, placesOf } from "../../query_api/mldash_api/dashboard/pure/track_grid.js";

const entriesOf = (values) => values.map((value, at) => ({ timestamp: at / 10, ...(value === undefined ? {} : { x: value }) }));
const X = { field: "x", part: null };

test("columns have what the entries in them hold, whatever that is", () => {
  for (let round = 0; round < 200; round++) {
    const kinds = [() => Math.random() * 9 - 4, () => "NaN", () => "Infinity", () => "text", () => undefined, () => null];
    const values = Array.from({ length: 1 + Math.floor(Math.random() * 90) }, () => kinds[Math.random() < 0.7 ? 0 : Math.floor(Math.random() * kinds.length)]());
    const columns = 1 + Math.floor(Math.random() * 40);
    const { edges, isFine, runs: [{ statistics, hides }] } = gridOf(entriesOf(values), X, columns, "a/b/c");
    assert.equal(isFine, values.length <= columns || values.length === 1);
    const count = edges.length - 1;
    assert.ok(count <= Math.max(columns, 1) && edges.every((edge, at) => at === 0 || edge >= edges[at - 1]));
    const sum = (list) => Array.from(list).reduce((one, two) => one + two, 0);
    assert.equal(sum(statistics.count) + sum(statistics.missing), values.length);
    const numbers = values.map((value) => (value === "Infinity" ? Infinity : value)).filter((value) => typeof value === "number");
    const held = Array.from({ length: count }, (_, at) => at).filter((at) => statistics.count[at] > 0);
    assert.equal(Math.max(...held.map((at) => statistics.greatest[at])), Math.max(...numbers));
    assert.equal(Math.min(...held.map((at) => statistics.least[at])), Math.min(...numbers));
    assert.deepEqual(hides, held.filter((at) => statistics.missing[at] > 0));
  }
});

test("a track without entries, and one whose entries have one time, are drawn", () => {
  assert.deepEqual(gridOf([], X, 100, "a").edges, []);
  assert.deepEqual(gridOf([{ timestamp: 5, x: 1 }], X, 100, "a").edges, [5, 5]);
});

test("vectors have a card a place; what is no number has none", () => {
  const samples = [{ timestamp: 0, q: [0, "NaN"], name: "a", far: Array(100).fill(1), flag: true, mixed: "a" }, { timestamp: 1, q: [1, 2, 3], mixed: 1, bad: "Infinity" }];
  const { places, others } = placesOf(["q", "name", "far", "flag", "mixed", "bad", "unseen"], samples);
  assert.deepEqual(places.map(nameOf), ["q[0]", "q[1]", "q[2]", "mixed", "bad", "unseen"]);
  assert.deepEqual(others, ["name", "far", "flag"]);
  const { runs: [{ statistics }] } = gridOf(samples, { field: "q", part: 2 }, 10, "a");
  assert.deepEqual([Array.from(statistics.mean), Array.from(statistics.missing)], [[NaN, 3], [1, 0]]);
});
