// Links that open one run: all that one may end, and a new one.

import { ask, send } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { standing } from "../../pure/ends.js";
import { formatAge } from "../../pure/times.js";
import { NewLink } from "../../widgets/new_link.js";
import { ProblemLine } from "../../widgets/problem_line.js";

/** @param {{ scopes: string[] }} props  that one is admin of */
export function Links({ scopes }) {
  const [links, setLinks] = useState(/** @type {any[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const again = () => ask("v1/links").then(({ links: found }) => setLinks(found)).catch(setProblem);
  useEffect(() => void again(), []);
  /** @param {string} id */
  const revoke = (id) => send("DELETE", `v1/links/${id}`).then(() => setProblem(null), setProblem).then(again);
  return html`
    <section aria-label="Links">
      <h2>Links</h2>
      <p class="dim">A link opens one run to whoever has it, to read, until it ends. Make one here, or by <i>share</i> on a run.</p>
      <${NewLink} start=${scopes.find((one) => one.split("/").length > 2) ?? ""} made=${again} />
      <${ProblemLine} problem=${problem} />
      <div class="wide" tabindex="0" role="region" aria-label="Table of links">
        <table class="plain"><thead><tr><th scope="col">opens</th><th scope="col">note</th><th scope="col">made</th><th scope="col">used</th><th scope="col">state</th><th scope="col"><span class="said">end</span></th></tr></thead>
          <tbody>${(links ?? []).map((one) => html`<tr key=${one.id} data-ended=${one.revokedAt !== null}>
            <th scope="row" title=${one.id}>${opensWords(one.opens)}</th><td>${one.note}</td><td>${formatAge(one.createdAt, Date.now())} by ${one.createdBy}</td>
            <td>${formatAge(one.usedAt, Date.now()) || "never"}</td><td>${standing(one, Date.now())}</td>
            <td>${one.revokedAt === null && html`<button type="button" class="link" aria-label=${`End the link to ${one.opens?.prefix}`} onClick=${() => revoke(one.id)}>end</button>`}</td></tr>`)}</tbody></table>
      </div>
      ${links?.length === 0 && html`<p class="dim">There is none yet.</p>`}
    </section>
  `;
}

/** @param {any} opens */
function opensWords(opens) {
  if (!opens) return "the first sign-in";
  if (opens.kind === "experiment") return opens.prefix;
  const metric = `${opens.name ?? "(unnamed)"} · ${opens.fields.join(", ")} of ${opens.prefix}`;
  return opens.kind === "chart" ? `chart: ${metric}` : `points ${opens.start} … ${opens.end - 1}: ${metric}`;
}
