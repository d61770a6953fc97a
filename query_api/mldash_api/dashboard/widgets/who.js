// Who one is here, the way out, and the views of access and status.

import { base, follow, href } from "../address.js";
import { ask, localFolder, send } from "../api.js";
import { html, useEffect, useState } from "../frame.js";
import { DEFAULT } from "../pure/view.js";
import { ProblemLine } from "./problem_line.js";

export function Who() {
  const [me, setMe] = useState(/** @type {import("../pure/rights.js").Me | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  useEffect(() => {
    if (!localFolder) ask("v1/me").then(setMe, setProblem);
  }, []);
  if (localFolder) {
    return html`<p class="foot">Who has the address that mldash view printed sees this page, and nobody changes anything by it: there is no one to sign in, and no pipeline.</p>`;
  }
  return html`
    ${me && html`<p class="foot" role="status">${nameOf(me)}</p>`}
    <${ProblemLine} problem=${problem} />
    <${Way} to=${{ ...DEFAULT, page: "access" }} text="Access" more="tokens, links, who changed what" />
    <${Way} to=${{ ...DEFAULT, page: "status" }} text="Status" more="of the API and its servers" />
    ${me?.signInId && html`<button type="button" class="entry" onClick=${() => signOut().catch(setProblem)}><b>Sign out</b></button>`}
    ${problem && html`<a class="entry" href=${signInAddress()}><b>Sign in</b></a>`}
  `;
}

/** @param {import("../pure/rights.js").Me} me */
export function nameOf(me) {
  if (me.opens) return "Here by a link";
  return me.isSomebody ? `Signed in: ${me.subject}` : "Nobody signs in here: whoever reaches this API may do everything";
}

/** The page on which one signs in, and which leads back to what is shown. */
export function signInAddress() {
  const target = new URL("sign-in", base);
  target.searchParams.set("next", location.pathname + location.search);
  return target.href;
}

export async function signOut() {
  await send("POST", "v1/sign-out", null);
  location.assign(signInAddress());
}

/** @param {{ to: import("../pure/view.js").View, text: string, more: string }} props */
function Way({ to, text, more }) {
  return html`<a class="entry" href=${href(to)} onClick=${(/** @type {MouseEvent} */ event) => follow(event, to)}><b>${text}</b><span>${more}</span></a>`;
}
