// Browsers that are signed in: one's own, or for admins of everything all.

import { ask, send } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { formatAge, formatTime } from "../../pure/times.js";
import { ProblemLine } from "../../widgets/problem_line.js";

/** @param {{ me: import("../../pure/rights.js").Me }} props */
export function SignIns({ me }) {
  const [signIns, setSignIns] = useState(/** @type {any[]} */ ([]));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const again = () => ask("v1/sign-ins").then(({ signIns: found }) => setSignIns(found)).catch(setProblem);
  useEffect(() => void again(), []);
  if (signIns.length === 0 && !problem) return null;
  /** @param {string} id */
  const end = (id) => send("DELETE", `v1/sign-ins/${id}`).then(() => setProblem(null), setProblem).then(again);
  return html`
    <section aria-label="Browsers that are signed in">
      <h2>Browsers that are signed in</h2>
      <${ProblemLine} problem=${problem} />
      <div class="wide" tabindex="0" role="region" aria-label="Table of browsers">
        <table class="plain"><thead><tr><th scope="col">who</th><th scope="col">by</th><th scope="col">since</th><th scope="col">until, UTC</th><th scope="col">from</th><th scope="col"><span class="said">end</span></th></tr></thead>
          <tbody>${signIns.map((one) => html`<tr key=${one.id}><th scope="row">${one.subject}</th><td>${one.way}</td><td>${formatAge(one.createdAt, Date.now())}</td><td>${formatTime(one.expiresAt)}</td><td>${one.address ?? ""}</td>
            <td>${one.id === me.signInId ? html`<span class="dim">this one</span>` : html`<button type="button" class="link" aria-label=${`Sign out ${one.subject}`} onClick=${() => end(one.id)}>sign out</button>`}</td></tr>`)}</tbody></table>
      </div>
    </section>
  `;
}
