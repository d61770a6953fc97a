import assert from "node:assert/strict";
import { test } from "node:test";
import { oneAtATime } from "../../query_api/mldash_api/dashboard/pure/one_at_a_time.js";
import { patternOf, together } from "../../query_api/mldash_api/dashboard/pure/wanted.js";

const settled = () => new Promise((done) => setImmediate(done));

test("a task that is asked for while it is under way is done once more behind it", async () => {
  const answers = [];
  const again = oneAtATime(() => new Promise((done, fail) => answers.push({ done, fail })));
  again();
  again();
  again();
  assert.equal(answers.length, 1);
  answers[0].done();
  await settled();
  assert.equal(answers.length, 2);
  answers[1].done();
  await settled();
  assert.equal(answers.length, 2);
  again();
  assert.equal(answers.length, 3);
});

test("a task that fails is done again for who asked meanwhile, and says so to who asked first", async () => {
  const answers = [];
  const again = oneAtATime(() => new Promise((done, fail) => answers.push({ done, fail })));
  const first = assert.rejects(again(), /away/);
  again();
  answers[0].fail(new Error("away"));
  await settled();
  assert.equal(answers.length, 2);
  answers[1].done();
  await first;
  again();
  assert.equal(answers.length, 3);
});

test("what all widgets want is asked for as one", () => {
  const points = { prefixes: ["b/x/1"], kinds: ["points"], metrics: ["train", ""] };
  const status = { prefixes: ["a/x/1", "b/x/1"], scopes: ["a/x"], kinds: ["status"] };
  assert.deepEqual(together([points, status, points]), {
    prefixes: ["a/x/1", "b/x/1"], scopes: ["a/x"], kinds: ["points", "status"], metrics: ["", "train"],
  });
  assert.deepEqual(together([points, { prefixes: ["b/x/1"], kinds: ["fields"] }]).metrics, []);
});

test("a name is asked for by the pattern that is it alone, and so many that the API refuses them by none", () => {
  assert.equal(patternOf("loss[0]*?"), "loss[[]0][*][?]");
  const of = (metrics) => together([{ prefixes: ["a/b/c"], kinds: ["points"], metrics }]).metrics;
  const names = Array.from({ length: 101 }, (_, at) => `m${at}`);
  assert.equal(of(names.slice(1)).length, 100);
  assert.deepEqual(of(names), []);
  assert.deepEqual(of(["a*".padEnd(1_999, "b"), "*"]), []);
  assert.deepEqual(of(["é".repeat(600)]), []);
});
