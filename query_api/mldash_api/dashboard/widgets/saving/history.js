// Who changed what of a saved view, when, from what to what; each change can be taken back. And its name.

import { html, useEffect, useState } from "../../frame.js";
import { titleOf, wordsOf } from "../../pure/saved.js";
import { formatTime } from "../../pure/times.js";
import { Dialog } from "../dialog.js";
import { ProblemLine } from "../problem_line.js";
import { askHistory, undo } from "./store.js";

/** @param {{ view: { id: string, name: string, newest: number }, rename: (text: string) => Promise<void>, close: () => void }} props */
export function History({ view, rename, close }) {
  const [changes, setChanges] = useState(/** @type {any[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [name, setName] = useState(view.name);
  useEffect(() => {
    askHistory(view.id).then(setChanges, setProblem);
  }, [view.id, view.newest]);
  /** @param {Promise<void>} task */
  const told = (task) => task.then(() => setProblem(null), setProblem);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (name.trim() && name !== view.name) told(rename(name.trim()));
  };
  return html`
    <${Dialog} title=${`History of ${view.name}`} close=${close} isWide>
      <form class="line-form" onSubmit=${submit}>
        <label>Name <input value=${name} maxlength="200" required onInput=${(/** @type {any} */ { target }) => setName(target.value)} /></label>
        <button class="button">Rename</button>
      </form>
      <${ProblemLine} problem=${problem} />
      <ol class="changes" aria-label="Changes, the newest first">
        ${(changes ?? []).map((change, at) => html`
          <li key=${change.version}>
            <span><b>${change.subject}</b> <span class="dim">${formatTime(change.at)}</span></span>
            ${change.edits.map((/** @type {any} */ edit) => html`<span class="edit">${editWords(edit)}</span>`)}
            ${!isFirst(change, at) && html`<button type="button" class="link" aria-label=${`Undo change ${change.version}`} onClick=${() => told(undo(view.id, change.version))}>undo</button>`}
          </li>`)}
      </ol>
    <//>
  `;

  /** @param {any} change @param {number} at */
  function isFirst(change, at) {
    return at === /** @type {any[]} */ (changes).length - 1 && change.version === 1; // it made the view
  }
}

/** @param {any} edit */
function editWords({ part, card, before, after }) {
  if (part === "view") return "deleted, or had back";
  const title = part === "name" ? "name" : titleOf(card);
  return html`<i>${title}</i>: ${before === null || before === "" ? "" : html`<del>${wordsOf(before)}</del> → `}${after === null ? "as usual" : html`<ins>${wordsOf(after)}</ins>`}`;
}
