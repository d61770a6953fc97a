// Who changed what, when and from where: the newest first, and more when asked for.

import { ask } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { scopeWords } from "../../pure/rights.js";
import { formatTime } from "../../pure/times.js";
import { ProblemLine } from "../../widgets/problem_line.js";

const PAGE = 20;

export function Changes() {
  const [changes, setChanges] = useState(/** @type {any[]} */ ([]));
  const [next, setNext] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  /** @param {string | null} before */
  const more = (before) =>
    ask("v1/changes", { limit: PAGE, before }).then((page) => {
      setChanges((known) => [...known, ...page.changes]);
      setNext(page.next);
    }, setProblem);
  useEffect(() => void more(null), []);
  return html`
    <section aria-label="Changes">
      <h2>Who changed what</h2>
      <${ProblemLine} problem=${problem} />
      <div class="wide" tabindex="0" role="region" aria-label="Table of changes">
        <table class="plain"><thead><tr><th scope="col">when, UTC</th><th scope="col">who</th><th scope="col">what</th><th scope="col">on</th><th scope="col">details</th><th scope="col">from</th></tr></thead>
          <tbody>${changes.map((one) => html`<tr key=${one.id}><td>${formatTime(one.at)}</td><th scope="row">${one.subject}</th><td>${one.action}</td><td>${scopeWords(one.scope)}</td>
            <td class="details">${Object.entries(one.details).map(([name, value]) => `${name}: ${value}`).join("; ")}</td><td>${one.address ?? ""}</td></tr>`)}</tbody></table>
      </div>
      ${next && html`<p><button type="button" class="button" onClick=${() => more(next)}>Show more</button></p>`}
    </section>
  `;
}
