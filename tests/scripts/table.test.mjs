import assert from "node:assert/strict";
import { test } from "node:test";
import { chosenColumns, columnOf, deltaOf, lastValues, metricsOf, nextSort, withNumbers } from "../../query_api/mldash_api/dashboard/pure/columns.js";
import { completed, nameAt, suggestions } from "../../query_api/mldash_api/dashboard/pure/completing.js";
import { allOf, conditionOf, fieldOf, partsOf } from "../../query_api/mldash_api/dashboard/pure/fields.js";
import { toCsv } from "../../query_api/mldash_api/dashboard/pure/csv.js";

test("a field's parts make the field again", () => {
  for (const field of ["params.lr", 'params."learning rate"', 'metrics."a.b"."c d".max', "metrics.null.x.last"]) {
    assert.equal(fieldOf(partsOf(field)), field);
  }
  assert.deepEqual(partsOf('metrics."a.b"."c \\"d".max'), ["metrics", "a.b", 'c "d', "max"]);
});

test("results come before what is only counted", () => {
  const metrics = ["train.step.last", "train.loss.last", "train.loss.min", "eval.accuracy.last"].map((field) => ({ field: "metrics." + field }));
  assert.deepEqual(chosenColumns([{ field: "params.lr" }], metrics).slice(4), ["metrics.train.loss.last", "metrics.eval.accuracy.last", "params.lr"]);
});

test("a difference is better by the metric's direction, and neither where nobody knows it", () => {
  assert.equal(deltaOf(0.2, 0.3, columnOf("metrics.train.loss.last").direction).better, 1);
  assert.equal(deltaOf(0.2, 0.3, columnOf("metrics.eval.accuracy.max").direction).better, -1);
  assert.equal(Math.abs(deltaOf(0.2, 0.3, columnOf("metrics.system.temperature.max").direction).better), 0);
  assert.equal(deltaOf("x", 1, 1), null);
  assert.equal(deltaOf(NaN, 1, 1), null);
});

test("the head of a column sorts by the best first, then the other way round", () => {
  const [loss, accuracy] = [columnOf("metrics.train.loss.last"), columnOf("metrics.eval.accuracy.last")];
  assert.equal(nextSort("prefix", loss), loss.field);
  assert.equal(nextSort(loss.field, loss), "-" + loss.field);
  assert.equal(nextSort("prefix", accuracy), "-" + accuracy.field);
});

test("a column is as wide as its title, up to a bound", () => {
  const bold = { m: 13.5, o: 8.9, e: 8.8, n: 9.3, t: 6.2, u: 9.3, p: 9.3, i: 4.5, z: 7.6, r: 6.4, a: 8.8, ".": 4.9 }; // DejaVu Sans Bold, 13 px
  for (const name of ["momentum", "optimizer.name", "mmmmmmmmmm"]) {
    const needed = [...name].reduce((sum, letter) => sum + bold[letter], 0);
    assert.ok(columnOf("params." + name).width >= needed + 20, name);
  }
  assert.equal(columnOf("params." + "long_".repeat(40)).width, 420);
});

test("metrics of columns are named once, by their own names", () => {
  assert.deepEqual(metricsOf(["metrics.train.loss.last", "metrics.train.loss.min", 'metrics."a.b".x.max', "params.x"]), ["train", "a.b"]);
  assert.deepEqual(metricsOf(["metrics.null.loss.last", 'metrics."null".loss.last']), ["", "null"]);
});

test("last values are those of the metric that was told, the unnamed one too", () => {
  const fields = ["metrics.null.loss.last", 'metrics."null".loss.last', "metrics.train.loss.last", "metrics.train.loss.min", "params.loss"];
  const points = [{ data: { loss: 3 } }, { data: { loss: 2 } }, { data: { other: 1 } }];
  assert.deepEqual(lastValues(fields, null, points), { "metrics.null.loss.last": 2 });
  assert.deepEqual(lastValues(fields, "null", points), { 'metrics."null".loss.last': 2 });
  assert.deepEqual(lastValues(fields, "train", points), { "metrics.train.loss.last": 2 });
});

test("of a metric NaN is a number, of a parameter it may be a text", () => {
  const { values } = withNumbers({ prefix: "a/b/c", values: { "metrics.train.loss.last": "NaN", "metrics.train.gain.max": "Infinity", "params.mode": "NaN", status: "LOST" } });
  assert.deepEqual(values, { "metrics.train.loss.last": NaN, "metrics.train.gain.max": Infinity, "params.mode": "NaN", status: "LOST" });
});

test("a name is completed where the caret stands, and the rest of the filter stays", () => {
  const text = "status exists and params.l < 3";
  const caret = text.indexOf(" < 3");
  assert.deepEqual(nameAt(text, caret), { name: "params.l", start: 18, isField: true });
  assert.equal(completed(text, caret, "params.lr").text, "status exists and params.lr < 3");
  assert.deepEqual(suggestions("a = \"par", 8, [{ field: "params.x", kinds: [], runs: 1 }]), []);
  assert.deepEqual(suggestions("st", 2, [{ field: "status", kinds: ["text"], runs: 3 }]).map(({ value }) => value), ["status", "starts with"]);
});

test("conditions of a group hold together whatever stood in the filter", () => {
  assert.equal(allOf(["a = 1 or b = 2", conditionOf("params.x", 'a "b"')]), '(a = 1 or b = 2) and params.x = "a \\"b\\""');
  assert.equal(allOf(["", "x exists"]), "x exists");
});

test("a spreadsheet takes no cell for a formula", () => {
  assert.equal(toCsv([["note;=1+1", "a\t@x", "well; done"]]), "\"note;'=1+1\",\"a\t'@x\",\"well; done\"\r\n");
  assert.equal(toCsv([["=1+1", "a,b", 'x"y', -1, null, [1]]]), "'=1+1,\"a,b\",\"x\"\"y\",-1,,[1]\r\n");
});
