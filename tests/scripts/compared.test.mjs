import assert from "node:assert/strict";
import { test } from "node:test";
import { numberOf } from "../../query_api/mldash_api/dashboard/pure/columns.js";
import { areSame, fieldsOf, found, measured, rowsOf, textOf } from "../../query_api/mldash_api/dashboard/pure/comparison.js";
import { toCsv } from "../../query_api/mldash_api/dashboard/pure/csv.js";
import { exactText, parseExact } from "../../query_api/mldash_api/dashboard/pure/exact.js";
import { namesOf, partingOf, wordsOf } from "../../query_api/mldash_api/dashboard/pure/parting.js";
import { axisName, axisOf, choicesOf, orderOf } from "../../query_api/mldash_api/dashboard/pure/plane.js";

const compared = (more) => ({ prefixes: ["a/b/1", "a/b/gone", "a/b/2"], absent: [1], params: [], statistics: [], context: [], ...more });
const row = (name, values, missing = []) => ({ name, values, missing });

test("numbers keep the digits that they were written with", () => {
  const texts = ["1.0", "1", "9007199254740993", "-12345678901234567890", "0.1", "1e16", "[1, 1.0, {\"a\": 2.0}]", "true", "null", "NaN is a text", "-0.0"];
  for (const text of texts) {
    const isText = text.startsWith("NaN");
    const value = parseExact(`{"here": [${isText ? JSON.stringify(text) : text}]}`).here[0];
    assert.equal(exactText(value), text);
  }
  assert.equal(toCsv([[parseExact("9007199254740993"), parseExact("-2.0"), "-2"]]), "9007199254740993,-2.0,'-2\r\n");
  for (let round = 0; round < 300; round++) {
    const value = (Math.random() - 0.5) * 10 ** Math.floor(Math.random() * 40 - 20);
    assert.equal(Number(parseExact(JSON.stringify([value]))[0]), value);
  }
});

test("a text that looks like a number is told apart from it", () => {
  assert.deepEqual([1, "1", "1e5", "x1", true, "true", undefined, null, ""].map(textOf), ["1", '"1"', '"1e5"', "x1", "true", '"true"', "", "null", ""]);
  assert.ok(!areSame(1, "1") && !areSame(undefined, "") && areSame([1], [1]) && !areSame(parseExact("1.0"), 1));
});

test("fields are those of the runs that are there, with last and best of metrics", () => {
  const statistic = (field, name, values) => ({ metric: "train/x", field, statistic: name, values, missing: [] });
  const { prefixes, fields } = fieldsOf(compared({
    params: [row("optimizer.lr", [0.1, null, null], [2])],
    statistics: ["count", "min", "max", "mean", "last"].flatMap((name) => ["loss", "accuracy", "lr"].map((field) => statistic(field, name, [name, null, "NaN"]))),
    context: [row("git.commit", ["a", null, "b"])],
  }));
  assert.deepEqual(prefixes, ["a/b/1", "a/b/2"]);
  assert.deepEqual(fields[0].values, [0.1, undefined]);
  assert.deepEqual(fields.filter(({ path }) => path[0] === "metrics").map(({ path, detail }) => [path.at(-1), detail]),
    [["loss", "best"], ["accuracy", "best"], ["loss", "last"], ["accuracy", "last"], ["lr", "last"]]);
  assert.ok(Number.isNaN(measured(fields[1], fields[1].values[1])));
  assert.equal(measured(fields[0], 0.1), undefined); // of a parameter nobody knows what its size means
});

test("rows are a tree whose groups close", () => {
  const { fields } = fieldsOf(compared({ params: [row("seed", [1, null, 2]), row("model.a.b", [1, null, 2]), row("model", [3, null, 4]), row("model.c", [1, null, 2])], context: [row("model.a", ["x", null, "y"])] }));
  const told = (rows) => rows.map(({ title, depth, field, count }) => `${" ".repeat(depth)}${title}${field ? "" : ` ${count}`}`);
  const open = rowsOf(fields, []);
  assert.deepEqual(told(open), ["Parameters 4", " seed", " model", " model 2", "  c", "  a 1", "   b", "Context 1", " model 1", "  a"]);
  assert.equal(new Set(open.map(({ key }) => key)).size, open.length);
  assert.deepEqual(told(rowsOf(fields, ["params.model", "context"])), ["Parameters 4", " seed", " model", " model 2", "Context 1"]);
  assert.deepEqual(told(rowsOf(found(fields, "MODEL a"), [])), ["Parameters 1", " model 1", "  a 1", "   b", "Context 1", " model 1", "  a"]);
  assert.deepEqual(found(fields, "context y"), []);
});

test("where two runs part is told in words", () => {
  const two = ["a/b/c", "a/d/c"];
  assert.deepEqual(namesOf(two), ["b/c", "d/c"]);
  assert.deepEqual(namesOf(["a/b/c", "a/b/c"]), ["c", "c"]);
  const words = (told, isTime = false) => wordsOf(partingOf({ x: null, above: null, ...told }), two, isTime);
  assert.equal(words({ found: "parted", x: 12, above: 1 }), "they part at x = 12: from there on d/c is above");
  assert.equal(words({ found: "parted", x: 0, above: 0 }, true), "they part at 1970-01-01 00:00:00.000: from there on b/c is above");
  assert.match(words({ found: "never" }), /never part/);
  assert.match(words({ found: "no common x" }), /no common x/);
  assert.match(wordsOf({ x: null, above: null }, two, false), /looking/);
});

test("an axis has a place for each value, on the scale that fits", () => {
  const field = (path, values, statistic = "") => ({ path, values, statistic, detail: statistic, direction: 0 });
  const rate = axisOf(field(["params", "optimizer", "lr"], [1e-4, 1e-2, undefined, NaN, 1e-3]));
  assert.deepEqual([rate.name, rate.isLog, rate.places.map((place) => place && Math.round(place * 1e9) / 1e9)], ["params.optimizer.lr", true, [0, 1, null, null, 0.5]]);
  const loss = axisOf(field(["metrics", "train", "a", "loss"], [3, 1, 2, Infinity, 1], "min"));
  assert.deepEqual([loss.name, loss.isLog, loss.places], ["metrics.train/a.loss.min", false, [1, 0, 0.5, null, 0]]);
  const words = axisOf(field(["params", "name"], ["sgd", "adam", undefined, 3, "adam"]));
  assert.deepEqual([words.places, words.ticks.map(({ text }) => text)], [[5 / 6, 0.5, null, 1 / 6, 0.5], ["3", "adam", "sgd"]]);
  const { fields: [told] } = fieldsOf({ prefixes: ["a", "b", "c", "d", "e"], absent: [], statistics: [], context: [], params: [row("lr", [parseExact("2.0"), 1, "NaN", "Infinity", 1.5])] });
  assert.deepEqual([axisOf(told).places, axisOf(told).texts[3]], [[1, 0, null, null, 0.5], "Infinity"]);
  assert.deepEqual(["constructor", "NaN", "-Infinity"].map(numberOf), ["constructor", NaN, -Infinity]);
  assert.deepEqual(axisOf(field(["params", "x"], [7, 7])).places, [0.5, 0.5]);
  assert.deepEqual(orderOf([rate, loss]), [0, 4, 1]);
  assert.deepEqual(orderOf([loss, words, rate]), [4, 1, 0]);
  assert.equal(axisName(field(["metrics", "loss"], [], "last")), "metrics.null.loss.last");
  assert.equal(axisName(field(["metrics", "null", "loss"], [], "last")), 'metrics."null".loss.last');
  const fields = [field(["params", "a"], [1, 1]), field(["params", "b"], [1, 2]), field(["context", "c"], [1, 2])];
  assert.deepEqual(choicesOf(fields), [fields[1]]);
});
