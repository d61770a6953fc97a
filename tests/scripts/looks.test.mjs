import assert from "node:assert/strict";
import { test } from "node:test";
import { COLOURS, colourOf, dashesOf } from "../../query_api/mldash_api/dashboard/pure/colours.js";
import { formatNumber } from "../../query_api/mldash_api/dashboard/pure/numbers.js";
import { comesBack, pauseMs } from "../../query_api/mldash_api/dashboard/pure/reconnecting.js";
import { formatAge, formatDuration, formatMoment } from "../../query_api/mldash_api/dashboard/pure/times.js";

test("a run's colour follows from its prefix alone, and all colours are used alike", () => {
  assert.equal(colourOf("alice/robots/walk-07"), colourOf("alice/robots/walk-07"));
  const counts = new Array(COLOURS).fill(0);
  for (let run = 0; run < 4000; run++) counts[colourOf(`alice/robots/sweep/run-${run}`)]++;
  assert.ok(Math.min(...counts) > 400 && Math.max(...counts) < 600, String(counts));
});

test("runs of one colour that are drawn together have other dashes", () => {
  const runs = Array.from({ length: 24 }, (_, run) => `a/b/${run}`);
  const marks = dashesOf(runs).map((dash, run) => `${colourOf(runs[run])} ${dash}`);
  const most = Math.max(...runs.map((run) => runs.filter((other) => colourOf(other) === colourOf(run)).length));
  assert.ok(new Set(marks).size >= (most > 4 ? 20 : 24));
});

test("numbers keep four digits that matter", () => {
  const told = [0, 1, -2, 0.123456, 12345.678, 1e-7, 3e12, NaN, Infinity, -Infinity, 1234567].map(formatNumber);
  assert.deepEqual(told, ["0", "1", "−2", "0.1235", "12\u202f346", "1.00e-7", "3.00e12", "NaN", "∞", "−∞", "1\u202f234\u202f567"]);
});

test("durations and ages have two units, or one", () => {
  assert.deepEqual([0.452, 59, 130, 7_300, 90_000].map(formatDuration), ["0.45 s", "59 s", "2 m 10 s", "2 h 1 m", "1 d 1 h"]);
  assert.equal(formatAge("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:05:00Z")), "5 m ago");
});

test("a time that no calendar has is told in seconds", () => {
  assert.equal(formatMoment(1.5), "1970-01-01 00:00:01.500");
  assert.deepEqual([9e12, -1e300, NaN, Infinity].map(formatMoment), ["9.00e12 s", "−1.00e300 s", "NaN s", "∞ s"]);
});

test("a stream that has ended comes back later each time, never all pages at once", () => {
  for (let failures = 0; failures < 40; failures++) {
    assert.ok(pauseMs(failures, 0) >= 250 && pauseMs(failures, 1) <= 10_000);
    assert.ok(pauseMs(failures, 0.1) !== pauseMs(failures, 0.9));
  }
  assert.ok(comesBack("stopping") && comesBack("slow") && !comesBack("not-allowed"));
});
