// Of the API's operator metrics (docs/operations.md), those that a person looks for first, in words.

import { sumOf } from "./exposition.js";
import { formatNumber } from "./numbers.js";
import { formatDuration } from "./times.js";

/** @typedef {import("./exposition.js").Sample} Sample */

const FAILURES = [
  ["mldash_api_damaged_ranges_total", "reads met a damaged or missing object: run mldash audit"],
  ["mldash_api_own_writes_late_total", "reads waited in vain for what their reader had written"],
  ["mldash_api_readers_gone_total", "connections were cut, for nothing of an answer was taken"],
];

/** @param {readonly Sample[]} samples @returns {{ title: string, text: string }[]} */
export function factsOf(samples) {
  const facts = /** @type {{ title: string, text: string }[]} */ ([]);
  const add = (/** @type {string} */ title, /** @type {string} */ name, /** @type {(value: number) => string} */ words) => {
    const value = sumOf(samples, name);
    if (value !== null) facts.push({ title, text: words(value) });
  };
  const started = sumOf(samples, "process_start_time_seconds");
  if (started !== null) facts.push({ title: "started", text: new Date(started * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC" });
  add("memory", "process_resident_memory_bytes", (value) => `${formatNumber(Math.round(value / 2 ** 20))} MiB`);
  add("requests", "mldash_api_request_seconds_count", (value) => `${formatNumber(value)}, in hand ${formatNumber(sumOf(samples, "mldash_api_requests_in_hand") ?? 0)}`);
  const [seconds, count] = [sumOf(samples, "mldash_api_request_seconds_sum"), sumOf(samples, "mldash_api_request_seconds_count")];
  if (seconds !== null && count) facts.push({ title: "mean time", text: formatDuration(seconds / count) });
  add("live", "mldash_api_live_listeners", (value) => `${formatNumber(value)} streams`);
  add("cache", "mldash_api_chunk_cache_bytes", (value) => `${formatNumber(Math.round(value / 2 ** 20))} MiB of chunks`);
  return facts;
}

/** @param {readonly Sample[]} samples @returns {{ title: string, count: number }[]} what has happened at least once */
export function failuresOf(samples) {
  const failures = FAILURES.map(([name, title]) => ({ title, count: sumOf(samples, name) ?? 0 }));
  for (const { name, labels, value } of samples) {
    if (name === "mldash_api_task_failures_total") failures.push({ title: `times the task ${labels.task} failed: ${labels.error}`, count: value });
  }
  const wrong = samples.filter(({ name, labels }) => name === "mldash_api_request_seconds_count" && /^5/.test(labels.status ?? ""));
  failures.push({ title: "answers were errors of the API's own (5xx)", count: wrong.reduce((sum, { value }) => sum + value, 0) });
  return failures.filter(({ count }) => count > 0);
}
