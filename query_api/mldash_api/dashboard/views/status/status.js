// How the API and its servers are, as the API itself can tell: servers, index, what it answers and what went wrong.

import { addressOf, ask, askText, localFolder, wasCancelled } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { samplesOf } from "../../pure/exposition.js";
import { formatNumber } from "../../pure/numbers.js";
import { factsOf, failuresOf } from "../../pure/operating.js";
import { formatAge, formatDuration } from "../../pure/times.js";
import { Notice, ProblemNotice } from "../../widgets/notice.js";
import { WaitingInKafka } from "./waiting.js";

const AGAIN_MS = 10_000; // operator metrics are no stream: Prometheus asks as often

// What only the components themselves tell: docs/operations.md.
const ELSEWHERE = [
  ["Workers, how old what waits is", "/metrics of the workers; kafka-consumer-groups --describe"],
  ["What is in a dead letter, and its replay", "mldash dead-letters list"],
  ["Compactors, and what is hot and cold", "/metrics of the compactors; mldash chunks"],
];

export function PipelineStatus() {
  const { found, problem, again } = useStatus();
  const head = html`<h1 class="said">Status</h1>`;
  if (localFolder) {
    return html`${head}<${Notice} kind="empty" title="There is no pipeline here" text="This page shows files, as training jobs write them. mldash view is the only process." />`;
  }
  if (problem && !found) return html`${head}<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!found) return html`${head}<${Notice} kind="loading" title="Asking the API …" />`;
  return html`
    <div class="scroll panels">
      <h1>Status</h1>
      ${problem && html`<p class="bad" role="alert">The API does not answer. This is as it was ${formatAge(found.at, Date.now())}.</p>`}
      <section aria-labelledby="s-servers"><h2 id="s-servers">Servers</h2>
        <div class="wide" tabindex="0" role="region" aria-label="Table of servers">
          <table class="plain"><thead><tr><th scope="col">server</th><th scope="col">state</th><th scope="col">since</th><th scope="col">why</th></tr></thead>
            <tbody>${found.servers.map(({ name, ok, why, since }) => html`<tr key=${name}><th scope="row">${name}</th><td><${Mark} ok=${ok} /></td><td>${formatAge(new Date(since * 1000).toISOString(), Date.now())}</td><td class="details">${why ?? ""}</td></tr>`)}</tbody></table>
        </div>
      </section>
      <${WaitingInKafka} />
      <section aria-labelledby="s-index"><h2 id="s-index">What is seen</h2>
        <dl class="facts">
          <div><dt>runs</dt><dd>${formatNumber(found.count)}</dd></div>
          <div><dt>behind</dt><dd>${formatDuration(found.lagS)} behind what is stored</dd></div>
        </dl>
      </section>
      <section aria-labelledby="s-api"><h2 id="s-api">This API process</h2>
        <dl class="facts">${found.facts.map(({ title, text }) => html`<div key=${title}><dt>${title}</dt><dd>${text}</dd></div>`)}</dl>
        ${found.failures.length > 0
          ? html`<h3>Since it started</h3><ul class="failures">${found.failures.map(({ title, count }) => html`<li key=${title}><b>${formatNumber(count)}</b> ${title}</li>`)}</ul>`
          : html`<p class="dim">Nothing has failed since it started.</p>`}
        <p><a href=${addressOf("metrics").href}>All operator metrics</a></p>
      </section>
      <section aria-labelledby="s-else"><h2 id="s-else">What the API does not know</h2>
        <dl class="plain-list">${ELSEWHERE.map(([what, where]) => html`<div key=${what}><dt>${what}</dt><dd><code>${where}</code></dd></div>`)}</dl>
      </section>
    </div>
  `;
}

/** @param {{ ok: boolean }} props */
function Mark({ ok }) {
  return html`<span class="status" data-status=${ok ? "COMPLETED" : "FAILED"}>
    <svg viewBox="0 0 10 10" width="11" height="11" aria-hidden="true"><path d=${ok ? "M1.8 5.2 4.1 7.6 8.3 2.6" : "M2.4 2.4 7.6 7.6M7.6 2.4 2.4 7.6"} /></svg>${ok ? "answers" : "is away"}</span>`;
}

function useStatus() {
  const [found, setFound] = useState(/** @type {Awaited<ReturnType<typeof askStatus>> | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (localFolder) return;
    const stop = new AbortController();
    const look = () =>
      askStatus(stop.signal).then(
        (answer) => {
          setFound(answer);
          setProblem(null);
        },
        (error) => wasCancelled(error) || setProblem(error),
      );
    look();
    const timer = setInterval(() => document.hidden || look(), AGAIN_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, [turn]);
  return { found, problem, again: () => setTurn((before) => before + 1) };
}

/** @param {AbortSignal} signal */
async function askStatus(signal) {
  const [servers, metrics, runs] = await Promise.all([
    ask("dependencies", {}, signal),
    askText("metrics", signal),
    ask("v1/experiments", { fields: ["prefix"], limit: 0 }, signal),
  ]);
  const samples = samplesOf(metrics);
  return {
    servers: /** @type {{ name: string, ok: boolean, why: string | null, since: number }[]} */ (servers),
    count: runs.count,
    lagS: runs.lagS,
    facts: factsOf(samples),
    failures: failuresOf(samples),
    at: new Date().toISOString(),
  };
}
