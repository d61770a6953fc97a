// Archive, tag and note many runs: first it is counted what would change, then it is changed, and can be taken back.

import { html, useState } from "../../frame.js";
import { changeOf } from "../../pure/changing.js";
import { counted } from "../../pure/numbers.js";
import { ProblemLine } from "../problem_line.js";
import { changeRuns, undoRuns } from "./asking.js";

const MOST = 2_000;
const NAMED = 5;

/** @typedef {import("../../pure/changing.js").Change} Change */
/** @typedef {import("../../pure/changing.js").Changed} Changed */

/**
 * @param {{ selected: string[], passing: string[], isAll: boolean, changed: (prefixes: string[]) => void, hide: () => void }} props
 *   passing: all that pass the filter; isAll: those are all that do; hide: leave out what is archived
 */
export function ChangeRuns({ selected, passing, isAll, changed, hide }) {
  const [whose, setWhose] = useState(/** @type {"selected" | "passing"} */ (selected.length > 0 ? "selected" : "passing"));
  const [form, setForm] = useState({ archive: /** @type {"" | "yes" | "no"} */ (""), add: "", remove: "", notes: "", isNoted: false });
  const [counting, setCounting] = useState(/** @type {{ change: Change, would: Changed[], of: number } | null} */ (null));
  const [done, setDone] = useState(/** @type {{ change: Change, made: Changed[] } | null} */ (null));
  const [told, setTold] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const prefixes = whose === "selected" ? selected : passing;
  const change = changeOf({ ...form, notes: form.isNoted ? form.notes : null });

  /** @param {Partial<typeof form>} part */
  const set = (part) => {
    setForm({ ...form, ...part });
    setCounting(null);
  };
  /** @param {() => Promise<void>} task */
  const run = (task) => {
    setBusy(true);
    task().then(() => setProblem(null), setProblem).then(() => setBusy(false));
  };
  const count = () => run(async () => {
    if (change) setCounting({ change, would: await changeRuns(prefixes, change, { isDry: true }), of: prefixes.length });
  });
  const make = () => run(async () => {
    if (!counting) return;
    const made = await changeRuns(counting.would.map(({ prefix }) => prefix), counting.change, { isDry: false });
    setDone({ change: counting.change, made });
    setTold(`${counted(made.length, "run")} changed.`);
    changed(made.map(({ prefix }) => prefix));
  });
  const undo = () => run(async () => {
    if (!done) return;
    const { back, overtaken } = await undoRuns(done.made, done.change);
    const left = overtaken.length > 0 ? ` ${counted(overtaken.length, "run")} left as they are, for somebody changed them since: ${overtaken.slice(0, NAMED).join(", ")}.` : "";
    setTold(`${counted(back, "run")} as before.${left}`);
    setDone(null);
    setCounting(null);
    changed(done.made.map(({ prefix }) => prefix));
  });

  if (done) {
    return html`
      <p role="status">${told}</p><${ProblemLine} problem=${problem} />
      <footer>
        ${done.change.archived && html`<button type="button" class="button" onClick=${hide}>Leave archived runs out of the table</button>`}
        <button type="button" class="button" disabled=${isBusy} onClick=${undo}>Undo</button>
      </footer>`;
  }
  return html`
    ${told && html`<p role="status">${told}</p>`}
    <fieldset><legend>Which runs</legend>
      <label><input type="radio" name="whose" checked=${whose === "selected"} disabled=${selected.length === 0} onChange=${() => (setWhose("selected"), setCounting(null))} /> the ${counted(selected.length, "selected run")}</label>
      <label><input type="radio" name="whose" checked=${whose === "passing"} disabled=${!isAll || passing.length > MOST} onChange=${() => (setWhose("passing"), setCounting(null))} /> all ${counted(passing.length, "run")} of the table${(!isAll || passing.length > MOST) && ` (at most ${MOST}: narrow the filter)`}</label>
    </fieldset>
    <div class="line-form">
      <label class="narrow">archive <select value=${form.archive} onChange=${(/** @type {any} */ { target }) => set({ archive: target.value })}>
        <option value="">as it is</option><option value="yes">archive</option><option value="no">bring back</option></select></label>
      <label>add tags <input value=${form.add} placeholder="with commas between" onInput=${(/** @type {any} */ { target }) => set({ add: target.value })} /></label>
      <label>take tags away <input value=${form.remove} placeholder="with commas between" onInput=${(/** @type {any} */ { target }) => set({ remove: target.value })} /></label>
    </div>
    <label class="check"><input type="checkbox" checked=${form.isNoted} onChange=${() => set({ isNoted: !form.isNoted })} /> the same notes for all, in the place of those that are there</label>
    ${form.isNoted && html`<textarea aria-label="Notes, Markdown" value=${form.notes} onInput=${(/** @type {any} */ { target }) => set({ notes: target.value })}></textarea>`}
    <${ProblemLine} problem=${problem} />
    ${counting && html`<p role="status">${wouldWords(counting)}</p>`}
    <footer>
      <button type="button" class="button" disabled=${isBusy || !change || prefixes.length === 0} onClick=${count}>Count what would change</button>
      <button type="button" class="button strong" disabled=${isBusy || !counting || counting.would.length === 0} onClick=${make}>${counting ? `Change ${counted(counting.would.length, "run")}` : "Change"}</button>
    </footer>
  `;
}

/** @param {{ would: Changed[], of: number }} counting */
function wouldWords({ would, of }) {
  if (would.length === 0) return `None of ${counted(of, "run")} would be another afterwards.`;
  const named = would.slice(0, NAMED).map(({ prefix }) => prefix).join(", ");
  return `${would.length} of ${counted(of, "run")} would change: ${named}${would.length > NAMED ? " …" : ""}`;
}
