// A new link to a run. Its text stands behind the # of the address, which browsers send to nobody.

import { base, href } from "../address.js";
import { send } from "../api.js";
import { html, useState } from "../frame.js";
import { DEFAULT } from "../pure/view.js";
import { ProblemLine } from "./problem_line.js";
import { Secret } from "./secret.js";

/** @param {{ start: string, made: () => void, isFixed?: boolean }} props  start: the run; isFixed: that one and no other */
export function NewLink({ start, made, isFixed = false }) {
  const [prefix, setPrefix] = useState(start);
  const [days, setDays] = useState("30");
  const [note, setNote] = useState("");
  const [address, setAddress] = useState("");
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    send("POST", "v1/links", { kind: "experiment", prefix: prefix.trim(), expires_in_days: Number(days), note: note.trim() }).then(
      (link) => {
        setProblem(null);
        setAddress(addressOf(link));
        made();
      },
      setProblem,
    );
  };
  return html`
    <form class="line-form" aria-label="A new link" onSubmit=${submit}>
      ${!isFixed && html`<label>to the run <input value=${prefix} required placeholder="owner/project/run" spellcheck=${false} onInput=${(/** @type {any} */ { target }) => setPrefix(target.value)} /></label>`}
      <label class="narrow">days <input type="number" required min="1" max="366" value=${days} onInput=${(/** @type {any} */ { target }) => setDays(target.value)} /></label>
      <label>note <input value=${note} maxlength="200" placeholder="for whom" onInput=${(/** @type {any} */ { target }) => setNote(target.value)} /></label>
      <button class="button strong">Make a link</button>
    </form>
    <${ProblemLine} problem=${problem} />
    ${address && html`<${Secret} key=${address} label="The link." text=${address} />`}
  `;
}

/** @param {{ path: string, opens: { prefix: string } }} link */
function addressOf({ path, opens }) {
  const target = new URL("sign-in", base);
  target.searchParams.set("next", new URL(href({ ...DEFAULT, page: "run", prefix: opens.prefix })).pathname);
  target.hash = path.slice(path.indexOf("#"));
  return target.href;
}
