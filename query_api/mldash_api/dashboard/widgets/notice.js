// What a view says in place of data: that it loads, has nothing, met a problem, or lacks rights; and what to do.

import { base } from "../address.js";
import { Problem, localFolder } from "../api.js";
import { html } from "../frame.js";
import { missingWords } from "../pure/rights.js";

/**
 * @param {{ kind: "loading" | "empty" | "error" | "rights", title: string, text?: string,
 *           action?: { text: string, run: () => void }, children?: any }} props
 */
export function Notice({ kind, title, text, action, children }) {
  return html`
    <div class="notice" data-kind=${kind} role=${kind === "error" ? "alert" : "status"}>
      <h2>${title}</h2>
      ${text && html`<p>${text}</p>`}
      ${children}
      ${action && html`<p><button type="button" class="button" onClick=${action.run}>${action.text}</button></p>`}
    </div>
  `;
}

/**
 * A problem of the API in a person's words.
 * @param {{ problem: unknown, again?: () => void }} props
 */
export function ProblemNotice({ problem, again }) {
  const { status, type, message, told } = problem instanceof Problem ? problem : new Problem({ detail: String(problem) });
  const action = again && { text: "Try again", run: again };
  if (status === 401) {
    return html`<${Notice} kind="rights" title="Sign in to see this" text=${message}><${SignIn} /><//>`;
  }
  if (status === 403) {
    const needed = told.right ? missingWords(told.right, told.scope ?? "") : message;
    return html`<${Notice} kind="rights" title="You may not see this" text=${needed}><${SignIn} other /><//>`;
  }
  if (type === "not-found") return html`<${Notice} kind="empty" title="Not here" text=${message} action=${action} />`;
  if (type === "index-building") {
    return html`<${Notice} kind="loading" title="The API reads its runs" text=${message} action=${action} />`;
  }
  const title = status === 0 ? "The API does not answer" : "The API could not answer this";
  const away = localFolder ? "mldash view has ended, or is starting." : "It may be starting, or the network is cut.";
  const text = status === 0 ? `${away} What you see stays as it is.` : message;
  return html`<${Notice} kind="error" title=${title} text=${text} action=${action} />`;
}

/** @param {{ other?: boolean }} props */
function SignIn({ other }) {
  if (localFolder) return null; // the address that mldash view prints is the one way in
  const target = new URL("sign-in", base);
  target.searchParams.set("next", location.pathname + location.search);
  return html`<p><a class="button" href=${target.href}>${other ? "Sign in as somebody else" : "Sign in"}</a></p>`;
}
