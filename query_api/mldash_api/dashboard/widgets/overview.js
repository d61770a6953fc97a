// What a run was made with: parameters as a tree that can be searched, results, its context, its processes.

import { ask, localFolder, wasCancelled } from "../api.js";
import { html, useEffect, useState } from "../frame.js";
import { numberOf } from "../pure/columns.js";
import { formatNumber } from "../pure/numbers.js";
import { formatTime } from "../pure/times.js";
import { textOf, treeOf } from "../pure/tree.js";
import { Later } from "./later.js";
import { Markdown } from "./markdown.js";
import { Status } from "./status.js";

const loadNotes = () => import("./changing/notes.js").then(({ Notes }) => Notes);

/** @param {{ experiment: any, compared: any }} props */
export function Overview({ experiment, compared }) {
  const [find, setFind] = useState("");
  const rowsOf = (/** @type {any[]} */ rows) => rows.map(({ name, values }) => ({ name, value: values[0] }));
  const results = compared.statistics.filter((/** @type {any} */ { statistic }) => statistic === "last");
  return html`
    <div class="overview">
      <section aria-label="About">
        ${experiment.description && html`<p class="lead">${experiment.description}</p>`}
        <dl class="facts">
          <div><dt>created</dt><dd>${formatTime(experiment.created_at)} UTC</dd></div>
          <div><dt>newest</dt><dd>${formatTime(experiment.updated_at)} UTC</dd></div>
        </dl>
        ${experiment.readme && html`<div class="about-text"><${Markdown} text=${experiment.readme} /></div>`}
      </section>
      ${!localFolder && html`<section aria-label="Notes"><${Later} load=${loadNotes} isSmall experiment=${experiment} /></section>`}
      <section aria-labelledby="o-params">
        <h2 id="o-params">Parameters</h2>
        <input type="search" data-search aria-label="Find parameters" placeholder="find in keys and values" value=${find} spellcheck=${false}
          onInput=${(/** @type {any} */ { target }) => setFind(target.value)} />
        <${Tree} nodes=${treeOf(rowsOf(compared.params), find)} none=${find ? "No parameter has such a part." : "No parameters."} />
      </section>
      <section aria-labelledby="o-results">
        <h2 id="o-results">Results</h2>
        <table class="plain"><thead><tr><th scope="col">metric</th><th scope="col" class="number">last</th><th scope="col" class="number">least</th><th scope="col" class="number">greatest</th></tr></thead>
          <tbody>${results.map((/** @type {any} */ { metric, field, values }) => html`<tr key=${`${metric} ${field}`}><th scope="row">${metric ?? "(unnamed)"} · ${field}</th>
            <td class="number">${cell(values[0])}</td><td class="number">${cell(of(metric, field, "min"))}</td><td class="number">${cell(of(metric, field, "max"))}</td></tr>`)}</tbody></table>
      </section>
      <section aria-labelledby="o-sessions"><h2 id="o-sessions">Processes</h2><${Sessions} prefix=${experiment.prefix} status=${experiment.status} /></section>
      <section aria-labelledby="o-context"><h2 id="o-context">Context</h2><${Tree} nodes=${treeOf(rowsOf(compared.context), "")} none="Nothing is recorded." /></section>
    </div>
  `;

  /** @param {string | null} metric @param {string} field @param {string} statistic */
  function of(metric, field, statistic) {
    return compared.statistics.find((/** @type {any} */ one) => one.metric === metric && one.field === field && one.statistic === statistic)?.values[0];
  }
}

/** @param {unknown} told */
function cell(told) {
  const value = numberOf(told);
  if (Number.isNaN(value)) return html`<span class="bad">NaN</span>`;
  return value === null || value === undefined ? "–" : formatNumber(value);
}

/** @param {{ nodes: import("../pure/tree.js").Node[], none?: string }} props */
function Tree({ nodes, none }) {
  if (nodes.length === 0) return html`<p class="none">${none}</p>`;
  return html`<ul class="tree">
    ${nodes.map((node) => html`<li key=${node.path}>
      ${node.below.length > 0
        ? html`<details open><summary>${node.key}</summary><${Tree} nodes=${node.below} /></details>`
        : html`<span class="key">${node.key}</span><span class="value">${textOf(node.value)}</span>`}
    </li>`)}
  </ul>`;
}

/** @param {{ prefix: string, status: string }} props */
function Sessions({ prefix, status }) {
  const [sessions, setSessions] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    const stop = new AbortController();
    ask("v1/sessions", { prefix }, stop.signal).then(
      (answer) => setSessions(answer.sessions),
      (error) => wasCancelled(error) || setSessions([]),
    );
    return () => stop.abort();
  }, [prefix, status]);
  return html`
    <div class="wide" tabindex="0" role="region" aria-label="Table of processes">
      <table class="plain"><thead><tr><th scope="col">status</th><th scope="col">rank</th><th scope="col">attempt</th><th scope="col">host</th><th scope="col">process</th><th scope="col">began</th><th scope="col">ended</th></tr></thead>
        <tbody>${sessions.map((one) => html`<tr key=${one.session}><td><${Status} status=${one.status} /></td><td>${one.rank ?? "–"}</td><td title=${one.resumeKey ?? ""}>${one.attempt ?? "–"}</td><td>${one.host}</td><td>${one.pid}</td>
          <td>${formatTime(one.startedAt)}</td><td>${one.error ? html`<span class="bad">${one.error.type}: ${one.error.message}</span>` : formatTime(one.endedAt) || "–"}</td></tr>`)}</tbody></table>
    </div>
  `;
}
