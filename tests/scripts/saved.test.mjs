import assert from "node:assert/strict";
import { test } from "node:test";
import { asOf, cardsOf, changesOf, contentsOf, openedOf, openedText, taking, titleOf, viewOf, withTheirs, wordsOf } from "../../query_api/mldash_api/dashboard/pure/saved.js";
import { DEFAULT } from "../../query_api/mldash_api/dashboard/pure/view.js";
import { FIRST, nameOf, sectionsOf } from "../../query_api/mldash_api/dashboard/pure/cards.js";

const LOSS = nameOf({ metric: "train", field: "loss" });
const at = (version, contents) => ({ version, cards: Object.fromEntries(Object.entries(contents).map(([key, content]) => [key, { version, content }])) });

test("what a view holds comes back from its cards", () => {
  const view = { ...DEFAULT, page: "charts", runs: ["a/b/c", "a/b/d"], log: true, smooth: 2.5, from: 0, to: -3, first: [LOSS, "[null,\"x\"]"], columns: [] };
  assert.deepEqual(viewOf(cardsOf(view)), view);
  assert.deepEqual(cardsOf(DEFAULT), {});
  assert.deepEqual(viewOf({}), DEFAULT);
});

test("cards that are none of this page's, or hold something odd, change nothing of the view, and stay", () => {
  const odd = { page: "<img>", filter: 3, columns: ["a", 1], smooth: -1, log: "yes", from: "1", saved: "x", first: ["x"], constructor: 1, "later card": { deep: [] }, sort: "name" };
  assert.deepEqual(viewOf(odd), { ...DEFAULT, sort: "name" });
  assert.deepEqual(Object.keys(changesOf(at(4, { "later card": 1, constructor: 1 }), {})), []);
});

test("only what a person has changed is sent, with the version that they saw", () => {
  const base = { version: 7, cards: { filter: { version: 2, content: "x" }, sort: { version: 7, content: "name" }, [`chart ${LOSS}`]: { version: 3, content: true } } };
  const mine = cardsOf({ ...DEFAULT, filter: "y", sort: "name", columns: ["status"] });
  assert.deepEqual(changesOf(base, mine), {
    filter: { version: 2, content: "y" }, columns: { version: 0, content: ["status"] }, [`chart ${LOSS}`]: { version: 3, content: null },
  });
});

test("changes of different cards merge, and of one card both are told", () => {
  const base = at(1, { filter: "a", sort: "name" });
  const theirs = { filter: { version: 2, content: "theirs" }, sort: { version: 0, content: null } };
  const mine = { filter: "mine", sort: "name", group: ["status"] };
  const known = withTheirs(base, 3, theirs);
  assert.deepEqual(changesOf(known, mine), { filter: { version: 2, content: "mine" }, sort: { version: 0, content: "name" }, group: { version: 0, content: ["status"] } });
  assert.deepEqual(changesOf(known, taking(mine, theirs)), { group: { version: 0, content: ["status"] } });
});

test("an older version is found by the history, with the versions that its cards had", () => {
  const edit = (card, before, after) => ({ part: "card", card, before, after });
  const history = [
    { version: 4, edits: [edit("sort", "name", null), { part: "name", card: null, before: "a", after: "b" }] },
    { version: 3, edits: [edit("filter", "one", "two"), edit("group", null, ["x"])] },
    { version: 2, edits: [edit("filter", null, "one")] },
    { version: 1, edits: [edit("sort", null, "name")] },
  ];
  const now = { version: 4, cards: { filter: { version: 3, content: "two" }, group: { version: 3, content: ["x"] } } };
  const old = asOf(now, history, 2);
  assert.deepEqual(old, { version: 2, cards: { filter: { version: 2, content: "one" }, sort: { version: 1, content: "name" } } });
  assert.deepEqual(contentsOf(asOf(now, history, 1).cards), { sort: "name" });
  assert.equal(asOf(now, [], 9), now);
  const unknown = asOf(now, history.slice(0, 1), 1); // the rest of the history is gone
  assert.deepEqual(unknown.cards.filter, { version: -1, content: "two" });
});

test("random edits go back to every version that there was", () => {
  const keys = ["filter", "sort", "find", `chart ${LOSS}`];
  for (let round = 0; round < 200; round++) {
    const versions = [{ version: 0, cards: {} }];
    const history = [];
    for (let version = 1; version <= 12; version++) {
      const key = keys[Math.floor(Math.random() * keys.length)];
      const { cards } = versions.at(-1);
      const after = Math.random() < 0.3 && cards[key] ? null : `v${version}`;
      history.unshift({ version, edits: [{ part: "card", card: key, before: cards[key]?.content ?? null, after }] });
      const next = { ...cards, [key]: { version, content: after } };
      if (after === null) delete next[key];
      versions.push({ version, cards: next });
    }
    for (const one of versions) assert.deepEqual(asOf(versions.at(-1), history, one.version), one);
  }
});

test("the address names a saved view with its version, and nothing else", () => {
  assert.deepEqual(openedOf(openedText("abcdefghijklmnop", 12)), { id: "abcdefghijklmnop", version: 12 });
  for (const text of ["", "short~1", "abcdefghijklmnop", "abcdefghijklmnop~-1", "../abcdefghijklmnop~1", "abcdefghijklmnop~1/x"]) assert.equal(openedOf(text), null);
});

test("cards are told in words", () => {
  assert.deepEqual([titleOf("sort"), titleOf(`chart ${LOSS}`), titleOf("chart x"), titleOf("else")], ["order", "pinned chart train · loss", "chart x", "else"]);
  assert.deepEqual([wordsOf(undefined), wordsOf(true), wordsOf(["a", "b", "c", "d"]), wordsOf("x"), wordsOf(2)], ["as usual", "on", "a, b, c and 1 more", "x", "2"]);
});

test("pinned charts come before all others, once", () => {
  const statistics = [["eval", "accuracy"], ["train", "loss"], ["train", "lr"]].map(([metric, field]) => ({ metric, field, statistic: "last" }));
  const told = (first, find = "") => sectionsOf(statistics, find, first).map(({ name, cards }) => [name, ...cards.map(({ field }) => field)]);
  assert.deepEqual(told([LOSS]), [[FIRST, "loss"], ["eval", "accuracy"], ["train", "lr"]]);
  assert.deepEqual(told([LOSS], "lr"), [["train", "lr"]]);
  assert.deepEqual(told(["nothing"]), told([]));
});
