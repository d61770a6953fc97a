import assert from "node:assert/strict";
import { test } from "node:test";
import { holds, partsAround } from "../../query_api/mldash_api/dashboard/pure/hits.js";
import { LogPlaces } from "../../query_api/mldash_api/dashboard/pure/log_places.js";
import { countBy } from "../../query_api/mldash_api/dashboard/pure/windows.js";

const numbered = (...numbers) => numbers.map((sequenceNumber) => ({ sequenceNumber }));
const placesOf = ({ placed }) => placed.map(([place, line]) => [place, line.sequenceNumber]);

test("lines that come while others are counted have each one place", () => {
  const places = new LogPlaces(true);
  assert.deepEqual(places.heard(numbered(3, 4)).placed, []);
  const found = places.counted(4, 3); // numbers 0 to 3: the first of the two was counted
  assert.deepEqual([placesOf(found), places.total], [[[4, 4]], 5]);
  assert.deepEqual(placesOf(places.heard(numbered(4, 5))), [[5, 5]]);
});

test("lines that came between counting and listening leave a hole that is fetched", () => {
  const places = new LogPlaces(true);
  places.counted(50, 49);
  const { placed, forgotten } = places.heard(numbered(60, 61));
  assert.deepEqual([placesOf({ placed }), forgotten, places.total], [[[60, 60], [61, 61]], 50, 62]);
});

test("places begin where retention has left lines", () => {
  const places = new LogPlaces(true);
  places.counted(10, 1_009);
  assert.deepEqual(placesOf(places.heard(numbered(1_009, 1_010))), [[10, 1_010]]);
});

test("of lines that pass a filter a count says what was not heard", () => {
  const places = new LogPlaces(false);
  places.counted(3, 20);
  assert.deepEqual(placesOf(places.heard(numbered(40))), [[3, 40]]);
  places.count();
  places.heard(numbered(50, 60));
  const found = places.counted(6, 50); // 30, which nobody heard, 40 and 50
  assert.deepEqual([found.forgotten, placesOf(found), places.total], [3, [[6, 60]], 7]);
});

test("a count that finds no more forgets nothing, one that fails loses nothing", () => {
  const places = new LogPlaces(false);
  places.counted(3, 20);
  places.heard(numbered(40));
  places.count();
  places.heard(numbered(50));
  const found = places.counted(4, null);
  assert.deepEqual([found.forgotten, placesOf(found)], [null, [[4, 50]]]);
  places.count();
  places.heard(numbered(60));
  assert.deepEqual(placesOf(places.uncounted()), [[5, 60]]);
  assert.equal(places.sure, 4);
});

test("an empty log begins with what comes", () => {
  const places = new LogPlaces(true);
  places.counted(0, null);
  assert.deepEqual(placesOf(places.heard(numbered(0, 1))), [[0, 0], [1, 1]]);
});

test("lines are counted from what is known on, by one question where there are no more", async () => {
  for (const [known, count] of [[0, 0], [0, 1], [7, 7], [7, 8], [7, 5_000], [5, 6]]) {
    let questions = 0;
    const found = await countBy(async (offset) => (questions++, offset < count), known);
    assert.equal(found, count);
    if (known === count) assert.equal(questions, 1);
  }
});

test("a log is searched in any case, and the hits keep theirs", () => {
  assert.ok(holds("CUDA Error", "cuda error") && holds("Straße", "STRASSE") && !holds("warm", "warn"));
  assert.deepEqual(partsAround("An error, an ERROR", "Error"), ["An ", "error", ", an ", "ERROR", ""]);
  assert.deepEqual(partsAround("a[0].x-1/2 (b)", "[0].X-1/2 ("), ["a", "[0].x-1/2 (", "b)"]);
  assert.deepEqual(partsAround("text", ""), ["text"]);
});
