// Tokens: who has one, for what, until when; a new one; the end of one.

import { ask, send } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { scopeWords } from "../../pure/rights.js";
import { daysOf, standing } from "../../pure/ends.js";
import { formatAge } from "../../pure/times.js";
import { ProblemLine } from "../../widgets/problem_line.js";
import { Secret } from "../../widgets/secret.js";

const RIGHTS = ["read", "write", "admin"];

/** @param {{ scopes: string[] }} props  that one is admin of */
export function Tokens({ scopes }) {
  const [tokens, setTokens] = useState(/** @type {any[] | null} */ (null));
  const [made, setMade] = useState(/** @type {{ subject: string, token: string } | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const again = () => ask("v1/tokens").then(({ tokens: found }) => setTokens(found)).catch(setProblem);
  useEffect(() => void again(), []);
  /** @param {string} id */
  const revoke = (id) => send("DELETE", `v1/tokens/${id}`).then(() => setProblem(null), setProblem).then(again);
  return html`
    <section aria-label="Tokens">
      <h2>Tokens</h2>
      <p class="dim">For programs, and to sign in with: set <code>MLDASH_TOKEN</code>. Those that you may give and take are shown.</p>
      <${NewToken} scopes=${scopes} made=${(/** @type {any} */ token) => {
        setMade(token);
        again();
      }} />
      ${made && html`<${Secret} key=${made.token} label=${`The token of ${made.subject}.`} text=${made.token} />`}
      <${ProblemLine} problem=${problem} />
      <div class="wide" tabindex="0" role="region" aria-label="Table of tokens">
        <table class="plain"><thead><tr><th scope="col">for</th><th scope="col">may</th><th scope="col">note</th><th scope="col">made</th><th scope="col">used</th><th scope="col">state</th><th scope="col"><span class="said">end</span></th></tr></thead>
          <tbody>${(tokens ?? []).map((one) => html`<tr key=${one.id} data-ended=${one.revokedAt !== null}>
            <th scope="row" title=${one.id}>${one.subject}</th><td>${one.grants.map((/** @type {any} */ { right, scope }) => `${right} ${scopeWords(scope)}`).join(", ")}</td><td>${one.note}</td>
            <td>${formatAge(one.createdAt, Date.now())} by ${one.createdBy}</td><td>${formatAge(one.usedAt, Date.now()) || "never"}</td><td>${standing(one, Date.now())}</td>
            <td>${one.revokedAt === null && html`<button type="button" class="link" aria-label=${`Revoke the token of ${one.subject}`} onClick=${() => revoke(one.id)}>revoke</button>`}</td></tr>`)}</tbody></table>
      </div>
      ${tokens?.length === 0 && html`<p class="dim">There is none yet.</p>`}
    </section>
  `;
}

/** @param {{ scopes: string[], made: (token: any) => void }} props */
function NewToken({ scopes, made }) {
  const [subject, setSubject] = useState("");
  const [right, setRight] = useState("read");
  const [scope, setScope] = useState(scopes[0] || "/");
  const [days, setDays] = useState("90");
  const [note, setNote] = useState("");
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    send("POST", "v1/tokens", { subject: subject.trim(), grants: [{ right, scope }], expires_in_days: daysOf(days), note: note.trim() }).then(
      (token) => {
        setProblem(null);
        setSubject("");
        setNote("");
        made(token);
      },
      setProblem,
    );
  };
  return html`
    <form class="line-form" aria-label="A new token" onSubmit=${submit}>
      <label>for <input value=${subject} required maxlength="200" placeholder="a person or service" onInput=${(/** @type {any} */ { target }) => setSubject(target.value)} /></label>
      <label class="narrow">may <select value=${right} onChange=${(/** @type {any} */ { target }) => setRight(target.value)}>${RIGHTS.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>
      <label>on <input value=${scope} required list="admin-scopes" spellcheck=${false} onInput=${(/** @type {any} */ { target }) => setScope(target.value)} /></label>
      <datalist id="admin-scopes">${scopes.map((one) => html`<option key=${one} value=${one || "/"} />`)}</datalist>
      <label class="narrow">days <input type="number" min="1" max="36500" value=${days} placeholder="for ever" onInput=${(/** @type {any} */ { target }) => setDays(target.value)} /></label>
      <label>note <input value=${note} maxlength="200" onInput=${(/** @type {any} */ { target }) => setNote(target.value)} /></label>
      <button class="button strong">Make a token</button>
    </form>
    <${ProblemLine} problem=${problem} />
  `;
}
