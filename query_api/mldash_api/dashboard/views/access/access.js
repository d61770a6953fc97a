// Who may what here: oneself, tokens, links, browsers that are signed in, and who changed what.

import { ask, localFolder } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { askWords, scopesOf } from "../../pure/rights.js";
import { Notice, ProblemNotice } from "../../widgets/notice.js";
import { Changes } from "./changes.js";
import { Links } from "./links.js";
import { SignIns } from "./sign_ins.js";
import { Tokens } from "./tokens.js";
import { You } from "./you.js";

export function Access() {
  const [me, setMe] = useState(/** @type {import("../../pure/rights.js").Me | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const again = () => {
    setProblem(null);
    ask("v1/me").then(setMe, setProblem);
  };
  useEffect(() => {
    if (!localFolder) again();
  }, []);
  const head = html`<h1 class="said">Access</h1>`;
  if (localFolder) {
    return html`${head}<${Notice} kind="empty" title="Nobody signs in here" text="This page shows files. Who has the address that mldash view printed may read them, until it ends; tokens, links and rights are an API's." />`;
  }
  if (problem) return html`${head}<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!me) return html`${head}<${Notice} kind="loading" title="Loading …" />`;
  const scopes = scopesOf(me, "admin");
  return html`
    <div class="scroll panels">
      <h1>Access</h1>
      <${You} me=${me} />
      ${me.opens
        ? null
        : scopes.length === 0
          ? html`<section aria-label="Tokens and links"><h2>Tokens and links</h2><p>You are admin of nothing, so tokens, links and the list of changes are not yours to see. ${askWords(me.grants[0]?.scope ?? "")}</p></section>`
          : html`<${Tokens} scopes=${scopes} /><${Links} scopes=${scopes} /><${Changes} />`}
      ${!me.opens && html`<${SignIns} me=${me} />`}
    </div>
  `;
}
