import assert from "node:assert/strict";
import { test } from "node:test";
import { Due } from "../../query_api/mldash_api/dashboard/pure/due.js";
import { filtersOf } from "../../query_api/mldash_api/dashboard/pure/named_runs.js";
import { Overlays } from "../../query_api/mldash_api/dashboard/pure/overlays.js";

const row = (loss) => ({ prefix: "a/b/c", id: "1", values: { loss, lr: 1 } });
const inView = new Set(["a/b/c"]);

test("what the stream told lies over a row until the index has it too", () => {
  const overlays = new Overlays();
  overlays.tell("a/b/c", { loss: 2 }, 1_000);
  overlays.settle(["a/b/c"], 8_000, inView);
  assert.deepEqual(overlays.over(row(3)).values, { loss: 2, lr: 1 });
  overlays.tell("a/b/c", { other: 5 }, 9_000);
  overlays.settle(["a/b/c"], 12_000, inView);
  assert.deepEqual(overlays.over(row(1.5)).values, { loss: 1.5, lr: 1, other: 5 });
  overlays.settle(["a/b/c"], 20_000, inView);
  assert.deepEqual(overlays.over(row(1.5)).values, { loss: 1.5, lr: 1 });
});

test("of a run out of view what was told is older than its row", () => {
  const overlays = new Overlays();
  overlays.tell("a/b/c", { loss: 2 }, 1_000);
  overlays.settle(["a/b/d"], 1_500, new Set());
  assert.equal(overlays.over(row(3)).values.loss, 2);
  overlays.settle(["a/b/c"], 1_500, new Set());
  assert.equal(overlays.over(row(3)).values.loss, 3);
});

test("runs are named in filters that stay short, and none is left out", () => {
  const prefixes = Array.from({ length: 900 }, (_, at) => `vera/robots and "more"/sweep-${at}`);
  const parts = filtersOf(prefixes);
  assert.ok(parts.every(({ filter }) => filter.length < 8_000 && encodeURIComponent(filter).length < 8_000));
  assert.equal(parts.reduce((sum, { count }) => sum + count, 0), 900);
  assert.deepEqual(parts.flatMap(({ filter }) => JSON.parse(`[${filter.slice("prefix in (".length, -1)}]`)), prefixes);
  assert.deepEqual(filtersOf([]), []);
});

test("what is due is taken once, at its last time", () => {
  const due = new Due();
  due.add("a", 10);
  due.add("b", 20);
  due.add("a", 30);
  assert.equal(due.next, 20);
  assert.deepEqual(due.take(20), ["b"]);
  assert.deepEqual([due.take(29), due.next], [[], 30]);
  assert.deepEqual([due.take(31), due.next], [["a"], null]);
});
