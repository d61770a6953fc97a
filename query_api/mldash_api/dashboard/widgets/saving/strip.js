// What stands above a saved view that is open: its name, what is not saved yet, what others have changed since.

import { view } from "../../address.js";
import { html, useEffect, useState } from "../../frame.js";
import { counted } from "../../pure/numbers.js";
import { scopeWords } from "../../pure/rights.js";
import { titleOf } from "../../pure/saved.js";
import { formatAge } from "../../pure/times.js";
import { ProblemLine } from "../problem_line.js";
import { Conflict } from "./conflict.js";
import { History } from "./history.js";
import { close, conflict, discard, look, openView, opened, rename, save, unsaved } from "./store.js";

export function SavedStrip() {
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [isHistory, setHistory] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const { saved } = view.value;
  useEffect(() => {
    const again = () => look().then(() => setProblem(null), setProblem);
    again();
    addEventListener("focus", again); // who comes back to the page sees what others did
    return () => removeEventListener("focus", again);
  }, [saved]);
  /** @param {() => Promise<void>} task */
  const run = (task) => {
    setBusy(true);
    task().then(() => setProblem(null), setProblem).then(() => setBusy(false));
  };
  const open = opened.value;
  if (!open) {
    return html`<div class="strip" role="region" aria-label="Saved view">
      ${problem ? html`<${ProblemLine} problem=${problem} />` : html`<span class="dim">Looking for the saved view …</span>`}
      <button type="button" class="link" onClick=${close}>leave it</button></div>`;
  }
  const waiting = Object.keys(unsaved()).map(titleOf);
  const isBehind = open.newest > open.base.version;
  return html`
    <div class="strip" role="region" aria-label="Saved view">
      <b>${open.name}</b> <span class="dim">of ${scopeWords(open.scope)}</span>
      ${waiting.length > 0
        ? html`<span class="waiting" role="status">${counted(waiting.length, "change")} not saved: ${waiting.join(", ")}</span>
          <button type="button" class="button strong" disabled=${isBusy} onClick=${() => run(save)}>Save</button>
          <button type="button" class="button" onClick=${discard}>Discard</button>`
        : html`<span class="dim" role="status">saved ${formatAge(open.changedAt, Date.now())} by ${open.changedBy}</span>`}
      ${isBehind && html`<span class="waiting">${open.changedBy} changed it since</span>
        <button type="button" class="button" disabled=${isBusy} onClick=${() => run(() => openView(open.id))}>Show the newest</button>`}
      <span class="end">
        <button type="button" class="link" onClick=${() => setHistory(true)}>history and undo</button>
        <button type="button" class="link" onClick=${close}>leave it</button>
      </span>
      <${ProblemLine} problem=${problem} />
    </div>
    ${isHistory && html`<${History} view=${open} rename=${rename} close=${() => setHistory(false)} />`}
    ${conflict.value && html`<${Conflict} />`}
  `;
}
