// Who one is, by what, until when, and what one may.

import { html, useState } from "../../frame.js";
import { scopeWords } from "../../pure/rights.js";
import { formatTime } from "../../pure/times.js";
import { ProblemLine } from "../../widgets/problem_line.js";
import { nameOf, signInAddress, signOut } from "../../widgets/who.js";

/** @param {{ me: import("../../pure/rights.js").Me }} props */
export function You({ me }) {
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  return html`
    <section aria-label="You">
      <h2>You</h2>
      <p>${nameOf(me)}${me.until && html`, until ${formatTime(me.until)} UTC`}</p>
      ${me.opens
        ? html`<p>The link opens the ${me.opens.kind} of ${me.opens.prefix}, to read, and nothing else.</p>`
        : html`<ul class="grants" aria-label="Your rights">${me.grants.map(({ right, scope }) => html`<li key=${`${right} ${scope}`}><b>${right}</b> ${scopeWords(scope)}</li>`)}</ul>`}
      ${me.grants.length === 0 && !me.opens && html`<p>You may do nothing yet: no right was given to you. Whoever runs this API gives them, to you or to a group of yours.</p>`}
      <p>
        ${me.signInId && html`<button type="button" class="button" onClick=${() => signOut().catch(setProblem)}>Sign out</button>`}
        ${!me.signInId && me.isSomebody && html`<a class="button" href=${signInAddress()}>Sign in as somebody else</a>`}
      </p>
      <${ProblemLine} problem=${problem} />
    </section>
  `;
}
