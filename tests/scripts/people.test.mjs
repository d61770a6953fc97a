import assert from "node:assert/strict";
import { test } from "node:test";
import { changeOf, inverse, portionsOf, tagsOf, together, undoOf, valueWords } from "../../query_api/mldash_api/dashboard/pure/changing.js";
import { daysOf, standing } from "../../query_api/mldash_api/dashboard/pure/ends.js";
import { samplesOf, sumOf } from "../../query_api/mldash_api/dashboard/pure/exposition.js";
import { piecesOf, safeAddress } from "../../query_api/mldash_api/dashboard/pure/markdown.js";
import { factsOf, failuresOf } from "../../query_api/mldash_api/dashboard/pure/operating.js";
import { allows, missingWords, scopesOf } from "../../query_api/mldash_api/dashboard/pure/rights.js";
import { partitionsOf, totalOf } from "../../query_api/mldash_api/dashboard/pure/waiting.js";
import { Parser } from "../../query_api/mldash_api/dashboard/libraries/commonmark.js";

test("a right holds on its scope and below it, and includes the lesser ones", () => {
  const me = { grants: [{ right: "write", scope: "alice/robots" }, { right: "read", scope: "bob" }] };
  assert.ok(allows(me, "read", "alice/robots/walk") && allows(me, "write", "alice/robots") && allows(me, "read", "bob/x/y"));
  assert.ok(!allows(me, "admin", "alice/robots") && !allows(me, "read", "alice") && !allows(me, "read", "alice/robots2") && !allows(me, "write", "bob/x/y"));
  assert.ok(allows({ grants: [{ right: "admin", scope: "" }] }, "write", "any/thing"));
  assert.deepEqual(scopesOf(me, "write"), ["alice/robots"]);
});

test("what is missing is told with whom to ask", () => {
  const told = missingWords("admin", "alice/robots/walk");
  assert.match(told, /right to administer alice\/robots\/walk/);
  assert.match(told, /admin of alice\/robots\/walk, or of alice\/robots, or of alice, or of everything/);
  assert.match(missingWords("read", ""), /read everything\. Ask an admin of everything/);
});

test("a form asks for what was filled in alone", () => {
  const form = { archive: "", add: "", remove: " , ", notes: null };
  assert.equal(changeOf(form), null);
  assert.deepEqual(changeOf({ ...form, archive: "no", add: "a, b,a ,", notes: "" }), { archived: false, add_tags: ["a", "b"], notes: "" });
  assert.deepEqual(tagsOf("<b>, x y"), ["<b>", "x y"]);
});

test("a change is taken back by the history, and not over what somebody did since", () => {
  const made = { prefix: "a/b/c", tags: ["said", "new"], notes: "n", archived: true, title: "", changed: true };
  const change = { add_tags: ["new"], remove_tags: ["old"], archived: true };
  const mine = [{ part: "archived", before: false, after: true }, { part: "tags", before: ["said", "old"], after: ["said", "new"] }];
  assert.deepEqual(undoOf(mine, made, change), { change: { archived: false, add_tags: ["old"], remove_tags: ["new"] }, isOvertaken: false });
  const since = [{ part: "tags", before: ["said", "new"], after: ["said"] }, ...mine];
  assert.deepEqual(undoOf(since, made, change), { change: { archived: false }, isOvertaken: true });
  assert.deepEqual(undoOf([], made, change), { change: null, isOvertaken: false });
  assert.deepEqual(inverse({ part: "title", before: "one", after: "two" }), { title: "one" });
});

test("runs that need the same change go together, as many as the API takes", () => {
  const wanted = Array.from({ length: 450 }, (_, at) => ({ prefix: `a/b/${at}`, change: { archived: at % 2 === 0 } }));
  const groups = together(wanted);
  assert.deepEqual(groups.map(({ prefixes }) => prefixes.length), [200, 25, 200, 25]);
  assert.equal(new Set(groups.flatMap(({ prefixes }) => prefixes)).size, 450);
  assert.deepEqual(portionsOf([]), []);
  assert.deepEqual([valueWords([]), valueWords(["a", "b"]), valueWords(true), valueWords(""), valueWords("x")], ["none", "a, b", "yes", "none", "x"]);
});

test("until when a token holds", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  const ends = (expiresAt, revokedAt = null) => standing({ expiresAt, revokedAt }, now);
  assert.deepEqual([ends(null), ends("2025-12-31T00:00:00Z"), ends("2026-01-03T01:00:00Z"), ends(null, "2025-01-01T00:00:00Z")], ["for ever", "expired", "for 2 d 1 h", "revoked"]);
  assert.deepEqual([daysOf(""), daysOf(" 7 ")], [null, 7]);
});

test("operator metrics are read with their labels", () => {
  const samples = samplesOf('# HELP a b\na_total{task="x \\"y\\" \\\\ z",error="E"} 3.0\na_total{task="w",error="E"} 1\nb 2.5e+06\nc{le="+Inf"} +Inf\nnonsense\n');
  assert.deepEqual(samples[0], { name: "a_total", labels: { task: 'x "y" \\ z', error: "E" }, value: 3 });
  assert.deepEqual([sumOf(samples, "a_total"), sumOf(samples, "b"), sumOf(samples, "d"), samples[3].value], [4, 2500000, null, Infinity]);
});

test("what failed is told, and what did not is left out", () => {
  const of = (name, value, labels = {}) => ({ name, labels, value });
  const samples = [
    of("mldash_api_request_seconds_count", 9, { status: "200" }), of("mldash_api_request_seconds_count", 1, { status: "503" }), of("mldash_api_request_seconds_sum", 5),
    of("mldash_api_damaged_ranges_total", 0), of("mldash_api_task_failures_total", 2, { task: "index", error: "ServerAway" }),
  ];
  assert.deepEqual(failuresOf(samples).map(({ count }) => count), [2, 1]);
  assert.match(factsOf(samples).map(({ title, text }) => `${title} ${text}`).join("; "), /requests 10, in hand 0; mean time 0.5 s/);
});

const pieces = (text) => piecesOf(new Parser().parse(text));

test("Markdown becomes pieces, and HTML in it stays text", () => {
  const [heading, paragraph, list, block] = pieces('# A *b*\n\nc **d** `e` <img src=x onerror="f()">\ng\n\n3. h\n\n<script>\ni\n</script>');
  assert.deepEqual([heading.kind, heading.level, heading.below.map(({ kind }) => kind)], ["heading", 1, ["text", "emph"]]);
  assert.deepEqual(paragraph.below.find(({ kind }) => kind === "html_inline").text, '<img src=x onerror="f()">');
  assert.deepEqual([list.kind, list.start, list.below[0].kind], ["ordered", 3, "item"]);
  assert.deepEqual([block.kind, block.text], ["html_block", "<script>\ni\n</script>"]);
});

test("links lead to the web or to a mailbox, and images nowhere", () => {
  const [{ below }] = pieces("[a](https://example.org/x) [b](javascript:alert(1)) [c](data:text/html,x) [d](/v1/sign-out) ![e](https://example.org/e.png)");
  assert.deepEqual(below.filter(({ kind }) => kind === "link").map(({ address }) => address), ["https://example.org/x", null, null, null]);
  assert.equal(below.at(-1).kind, "image");
  assert.deepEqual([safeAddress("mailto:a@b"), safeAddress(" JavaScript:alert(1)"), safeAddress("//example.org")], ["mailto:a@b", null, null]);
});

test("what lies very deep in each other is drawn at the deepest place that there is", () => {
  const depth = (some) => some.reduce((most, { below }) => Math.max(most, 1 + depth(below)), 0);
  const deep = pieces(`${">".repeat(3_000)} here\n\n${"*a ".repeat(500)}b${"*".repeat(500)}`);
  assert.ok(depth(deep) <= 45);
  assert.match(JSON.stringify(deep), /here/);
});

test("what waits has its rates between two looks, and the most of it first", () => {
  const one = (partition, committed, end) => ({ topic: "mldash.logs", partition, committed, end, waiting: end - committed });
  const letters = { count: 0, isAll: true, reasons: [], newest: [] };
  const before = { at: 100, group: "g", partitions: [one(0, 10, 20), one(1, 0, 0)], letters };
  const now = { at: 104, group: "g", partitions: [one(0, 18, 22), one(1, 0, 9), one(2, 5, 5)], letters };
  assert.deepEqual(partitionsOf(before, now).map(({ partition, comes, goes }) => [partition, comes, goes]), [[1, 2.25, 0], [0, 0.5, 2], [2, null, null]]);
  assert.deepEqual(partitionsOf(null, now).map(({ comes }) => comes), [null, null, null]);
  assert.deepEqual(partitionsOf(now, { ...now, at: 104 }).map(({ goes }) => goes), [null, null, null]);
  assert.deepEqual(totalOf(now), { records: 13, partitions: 2, all: 3 });
});
