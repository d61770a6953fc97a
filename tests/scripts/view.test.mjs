import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT, formatView, parseView } from "../../query_api/mldash_api/dashboard/pure/view.js";

const back = (text) => parseView(...split(text));
const split = (text) => [text.split("?")[0], text.includes("?") ? text.slice(text.indexOf("?")) : ""];

test("the default view has an empty address", () => {
  assert.equal(formatView(DEFAULT), "");
  assert.deepEqual(parseView("", ""), DEFAULT);
});

test("every choice comes back from the address", () => {
  const texts = ["", "a", 'status = "x" & y', "ä/ö?#%", "a+b c", "日本", "100%", "a=b&c=d"];
  for (let round = 0; round < 500; round++) {
    const pick = (from) => from[Math.floor(Math.random() * from.length)];
    const some = () => [...new Set(Array.from({ length: Math.floor(Math.random() * 4) }, () => pick(texts.slice(1))))];
    const view = {
      page: pick(["runs", "run", "charts", "compare", "access", "status"]), prefix: "", tab: pick(["charts", "logs", "tracks"]), filter: pick(texts), sort: pick(["name", "-started"]),
      columns: some(), group: some(), pinned: some(), baseline: pick(texts), runs: some(), find: pick(texts), x: pick(["index", "time", "a b"]),
      log: pick([true, false]), smooth: pick([0, 0.5, 1e-7, 300]), from: pick([null, 0, -1.5, 1e21]), to: pick([null, 7]), level: some(),
      topic: pick(texts), all: pick([true, false]), turned: pick([true, false]), closed: some(), parted: some(), first: some(), saved: pick(["", "abcdefghijklmnop~3"]),
      position: some(), rotation: some(), tint: pick(texts), also: some(), fitted: pick([true, false]), eye: pick(["", "10,20,3"]), cut: pick([true, false]), expressions: some(), over: pick(["", "mean-ci"]), axes: some(), at: pick([null, 0, 1.7e9]),
    };
    if (view.page === "run") view.prefix = `alice/${pick(texts.slice(1)).replaceAll("/", "")}/x%2Fy`;
    assert.deepEqual(back(formatView(view)), view);
  }
});

test("what is no number in an address counts as left out", () => {
  for (const text of ["from=x", "from=", "to=Infinity", "smooth=-3", "smooth=NaN", "log=2"]) assert.equal(formatView(parseView("", text)), "");
});

test("a stray % in a path is the name's own", () => {
  assert.equal(parseView("run/a/100%", "").prefix, "a/100%");
});
