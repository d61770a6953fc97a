// Two people changed the same cards: what each made of them, and whose stays.

import { view } from "../../address.js";
import { html, useState } from "../../frame.js";
import { cardsOf, titleOf, wordsOf } from "../../pure/saved.js";
import { Dialog } from "../dialog.js";
import { ProblemLine } from "../problem_line.js";
import { conflict, keepMine, takeTheirs } from "./store.js";

export function Conflict() {
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const mine = cardsOf(view.value);
  const theirs = Object.entries(conflict.value?.cards ?? {});
  return html`
    <${Dialog} title="Somebody else changed the same" close=${() => (conflict.value = null)}>
      <p>Nothing was saved yet. Other changes of yours are kept either way, and so are those of others.</p>
      <table class="plain"><thead><tr><th scope="col">part</th><th scope="col">theirs, saved now</th><th scope="col">yours</th></tr></thead>
        <tbody>${theirs.map(([key, { content }]) => html`<tr key=${key}><th scope="row">${titleOf(key)}</th><td>${wordsOf(content)}</td><td>${wordsOf(mine[key])}</td></tr>`)}</tbody></table>
      <${ProblemLine} problem=${problem} />
      <footer>
        <button type="button" class="button strong" onClick=${() => takeTheirs().catch(setProblem)}>Take theirs</button>
        <button type="button" class="button" onClick=${() => keepMine().catch(setProblem)}>Save mine over theirs</button>
      </footer>
    <//>
  `;
}
