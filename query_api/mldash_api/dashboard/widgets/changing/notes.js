// A run's notes, which people write in Markdown, and who changed what of the run: each change can be taken back.

import { Problem, ask } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { inverse, valueWords } from "../../pure/changing.js";
import { formatTime } from "../../pure/times.js";
import { Markdown } from "../markdown.js";
import { ProblemLine } from "../problem_line.js";
import { askEdits, changeRuns } from "./asking.js";

/** @param {{ experiment: any }} props  as the stream tells of it */
export function Notes({ experiment }) {
  const { prefix } = experiment;
  const [notes, setNotes] = useState(/** @type {string} */ (experiment.notes ?? ""));
  const [draft, setDraft] = useState(/** @type {{ from: string, text: string } | null} */ (null));
  const [edits, setEdits] = useState(/** @type {any[]} */ ([]));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const again = async () => {
    const [now, history] = await Promise.all([ask("v1/experiment", { prefix }), askEdits(prefix)]);
    setNotes(now.notes ?? "");
    setEdits(history);
    return now.notes ?? "";
  };
  useEffect(() => {
    setNotes(experiment.notes ?? ""); // who came by a link may not ask for more
    again().then(() => setProblem(null), (error) => isOfLink(error) || setProblem(error));
  }, [prefix, JSON.stringify([experiment.notes, experiment.tags, experiment.archived, experiment.title])]);
  /** @param {import("../../pure/changing.js").Change} change */
  const make = async (change) => {
    await changeRuns([prefix], change, { isDry: false });
    await again();
    setDraft(null);
  };
  const save = async () => {
    if (!draft) return;
    const now = await again();
    if (now === draft.from) return make({ notes: draft.text });
    setDraft({ ...draft, from: now });
    throw new Problem({ detail: "Somebody changed the notes meanwhile: theirs stand above. Save again to put yours in their place." });
  };
  const told = (/** @type {Promise<void>} */ task) => void task.then(() => setProblem(null), setProblem);
  return html`
    <h2>Notes</h2>
    ${notes ? html`<${Markdown} text=${notes} under=${2} />` : html`<p class="none">Nobody has noted anything.</p>`}
    ${draft
      ? html`<textarea aria-label="Notes, Markdown" value=${draft.text} onInput=${(/** @type {any} */ { target }) => setDraft({ ...draft, text: target.value })}></textarea>
        <p><button type="button" class="button strong" onClick=${() => told(save())}>Save the notes</button> <button type="button" class="button" onClick=${() => setDraft(null)}>Cancel</button></p>`
      : html`<p><button type="button" class="button" onClick=${() => setDraft({ from: notes, text: notes })}>Edit the notes</button></p>`}
    <${ProblemLine} problem=${problem} />
    ${edits.length > 0 && html`<details><summary>Who changed what of this run</summary>
      <ol class="changes">${edits.map((edit, at) => html`<li key=${`${edit.at} ${edit.part}`}><span><b>${edit.subject}</b> <span class="dim">${formatTime(edit.at)}</span></span>
        <span class="edit"><i>${edit.part}</i>: <del>${valueWords(edit.before)}</del> → <ins>${valueWords(edit.after)}</ins></span>
        ${edits.findIndex(({ part }) => part === edit.part) === at && html`<button type="button" class="link" aria-label=${`Undo the change of ${edit.part}`} onClick=${() => told(make(inverse(edit)))}>undo</button>`}</li>`)}</ol></details>`}
  `;
}

/** @param {unknown} error  who came by a link reads the run, and not who changed it */
function isOfLink(error) {
  return error instanceof Problem && error.type === "link-opens-less";
}
