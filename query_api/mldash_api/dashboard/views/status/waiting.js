// What Kafka holds that is not stored: how far workers are behind, and the dead letters that wait.

import { ask, wasCancelled } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { counted, formatNumber } from "../../pure/numbers.js";
import { formatAge } from "../../pure/times.js";
import { nameOf, partitionsOf, totalOf } from "../../pure/waiting.js";

const AGAIN_MS = 10_000;
const MOST = 200;

/** @typedef {import("../../pure/waiting.js").Waiting} Waiting */

export function WaitingInKafka() {
  const { found, problem } = useWaiting();
  return html`
    <section aria-labelledby="s-lag"><h2 id="s-lag">Waiting for the workers</h2>
      ${problem && html`<p class="bad" role="alert">Kafka does not tell the API: ${problem}</p>`}
      ${found ? html`<${Lag} before=${found.before} now=${found.now} />` : !problem && html`<p class="dim">Asking Kafka …</p>`}
    </section>
    ${found && html`<section aria-labelledby="s-letters"><h2 id="s-letters">Dead letters</h2><${Letters} letters=${found.now.letters} /></section>`}
  `;
}

/** @param {{ before: Waiting | null, now: Waiting }} props */
function Lag({ before, now }) {
  const { records, partitions, all } = totalOf(now);
  const rows = partitionsOf(before, now);
  return html`
    <p>${records === 0 ? `All that Kafka holds is stored, in ${counted(all, "partition")}.` : `${counted(records, "record")} in ${partitions} of ${counted(all, "partition")}.`}
      ${" "}<span class="dim">Group ${now.group}, ${formatAge(momentOf(now.at), Date.now())}; rates since the look before.</span></p>
    <div class="wide tall" tabindex="0" role="region" aria-label="Table of partitions">
      <table class="plain"><thead><tr><th scope="col">partition</th><th scope="col" class="number">waiting</th><th scope="col" class="number">come, a second</th><th scope="col" class="number">stored, a second</th><th scope="col" class="number">committed</th><th scope="col" class="number">end</th></tr></thead>
        <tbody>${rows.slice(0, MOST).map((one) => html`<tr key=${nameOf(one)}><th scope="row">${nameOf(one)}</th>
          <td class="number">${formatNumber(one.waiting)}</td><td class="number">${rate(one.comes)}</td><td class="number">${rate(one.goes)}</td>
          <td class="number">${formatNumber(one.committed)}</td><td class="number">${formatNumber(one.end)}</td></tr>`)}</tbody></table>
    </div>
    ${rows.length > MOST && html`<p class="dim">The ${MOST} with the most of ${rows.length}.</p>`}
  `;
}

/** @param {{ letters: Waiting["letters"] }} props */
function Letters({ letters: { count, isAll, reasons, newest } }) {
  if (count === 0 && isAll) return html`<p>No record was set aside and waits.</p>`;
  return html`
    <p>${isAll ? counted(count, "record") : `At least ${counted(count, "record")}`} could not be stored, and ${count === 1 ? "waits" : "wait"}${isAll ? "" : "; more are read with each look"}.
      ${" "}Once the cause is gone, <code>mldash dead-letters replay PLACE</code> stores them, each once.</p>
    <div class="wide tall" tabindex="0" role="region" aria-label="Table of reasons">
      <table class="plain"><thead><tr><th scope="col" class="number">records</th><th scope="col">newest</th><th scope="col">reason</th></tr></thead>
        <tbody>${reasons.map(({ reason, count: of, newest: at }) => html`<tr key=${reason}><td class="number">${formatNumber(of)}</td><td>${formatAge(momentOf(at), Date.now())}</td><td class="details">${reason}</td></tr>`)}</tbody></table>
    </div>
    <h3>The newest</h3>
    <div class="wide tall" tabindex="0" role="region" aria-label="Table of dead letters">
      <table class="plain"><thead><tr><th scope="col">place</th><th scope="col">set aside</th><th scope="col">from</th><th scope="col">experiment</th><th scope="col">reason</th></tr></thead>
        <tbody>${newest.map((one) => html`<tr key=${one.place}><th scope="row"><code>${one.place}</code></th><td>${formatAge(momentOf(one.time), Date.now())}</td>
          <td>${nameOf(one)} at ${one.offset}</td><td>${one.experiment === null ? "can't be decoded" : `${one.kind} of ${one.experiment}`}</td><td class="details">${one.reason}</td></tr>`)}</tbody></table>
    </div>
  `;
}

/** @returns {{ found: { before: Waiting | null, now: Waiting } | null, problem: string }} */
function useWaiting() {
  const [found, setFound] = useState(/** @type {{ before: Waiting | null, now: Waiting } | null} */ (null));
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    let isUnderWay = false;
    const look = () => {
      isUnderWay = true;
      ask("v1/status/waiting", {}, stop.signal).then(
        (/** @type {Waiting} */ now) => {
          setFound((known) => ({ before: known && known.now.at < now.at ? known.now : (known?.before ?? null), now }));
          setProblem("");
        },
        (error) => wasCancelled(error) || setProblem(error instanceof Error ? error.message : String(error)),
      ).finally(() => (isUnderWay = false));
    };
    look();
    const timer = setInterval(() => isUnderWay || document.hidden || look(), AGAIN_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, []);
  return { found, problem };
}

/** @param {number} seconds */
function momentOf(seconds) {
  return new Date(seconds * 1000).toISOString();
}

/** @param {number | null} value */
function rate(value) {
  return value === null ? "…" : formatNumber(value);
}
