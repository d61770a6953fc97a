import assert from "node:assert/strict";
import { test } from "node:test";
import { gridOf, nameOf, placesOf } from "../../query_api/mldash_api/dashboard/pure/track_grid.js";

const ANSWER = {
  edges: [0, 5, 10], fine: false, entries: [3, 2], totalEntries: 5,
  series: [
    { field: "q", part: 0, statistics: { mean: [1, "NaN"], count: [2, 0], least: ["-Infinity", "NaN"], greatest: [4, "NaN"], missing: [1, 2] }, hides: [0] },
    { field: "q", part: 1, statistics: { mean: [7, 8], count: [3, 2], least: [7, 8], greatest: [7, 8], missing: [0, 0] }, hides: [] },
  ],
};

test("a card is drawn of the number at its place", () => {
  const { edges, isFine, runs: [{ prefix, statistics, hides }] } = gridOf(ANSWER, { field: "q", part: 0 }, "a/b/c");
  assert.deepEqual([edges, isFine, prefix, hides], [[0, 5, 10], false, "a/b/c", [0]]);
  assert.deepEqual(Array.from(statistics.mean), [1, NaN]);
  assert.deepEqual(Array.from(statistics.least), [-Infinity, NaN]);
  assert.deepEqual(Array.from(gridOf(ANSWER, { field: "q", part: 1 }, "a").runs[0].statistics.greatest), [7, 8]);
});

test("where no entry has a number, all are missing", () => {
  for (const place of [{ field: "q", part: null }, { field: "none", part: null }]) {
    const { runs: [{ statistics, hides }] } = gridOf(ANSWER, place, "a");
    assert.deepEqual([Array.from(statistics.count), Array.from(statistics.missing), hides], [[0, 0], [3, 2], []]);
    assert.ok(Array.from(statistics.mean).every(Number.isNaN));
  }
  assert.deepEqual(gridOf({ edges: [], fine: true, entries: [], series: [] }, { field: "x", part: null }, "a").edges, []);
});

test("vectors have a card a place; what is no number has none", () => {
  const samples = [{ timestamp: 0, q: [0, "NaN"], name: "a", far: Array(100).fill(1), flag: true, mixed: "a" }, { timestamp: 1, q: [1, 2, 3], mixed: 1, bad: "Infinity" }];
  const { places, others } = placesOf(["q", "name", "far", "flag", "mixed", "bad", "unseen"], samples);
  assert.deepEqual(places.map(nameOf), ["q[0]", "q[1]", "q[2]", "mixed", "bad", "unseen"]);
  assert.deepEqual(others, ["name", "far", "flag"]);
});
