// Charts of many runs: those that the address names.

import { go, view } from "../address.js";
import { html } from "../frame.js";
import { DEFAULT } from "../pure/view.js";
import { counted } from "../pure/numbers.js";
import { Cards } from "../widgets/cards.js";
import { Notice, ProblemNotice } from "../widgets/notice.js";
import { useCompared } from "./compared.js";

const MOST = 100;

export function Charts() {
  const prefixes = view.value.runs.slice(0, MOST);
  const { found, problem, again } = useCompared(prefixes);
  const choose = { text: "Choose runs", run: () => go({ ...DEFAULT, runs: view.value.runs }) };
  if (prefixes.length === 0) {
    return html`<${Notice} kind="empty" title="No runs are chosen" text="Select some in the table, with a click or with Space, and press c." action=${choose} />`;
  }
  if (problem && !found) return html`<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!found) return html`<${Notice} kind="loading" title="Loading charts …" />`;
  const absent = found.absent.map((/** @type {number} */ at) => found.prefixes[at]);
  const there = prefixes.filter((prefix) => !absent.includes(prefix));
  return html`
    <div class="scroll">
      <header class="title"><h1>${counted(there.length, "run")}</h1>
        <button type="button" class="link" onClick=${choose.run}>change</button>
        ${absent.length > 0 && html`<span class="bad">${counted(absent.length, "run")} not here: ${absent.join(", ")}</span>`}</header>
      <${Cards} statistics=${found.statistics} prefixes=${there} />
    </div>
  `;
}
