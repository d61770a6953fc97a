// Views that people saved: open one, save what is shown as a new one, delete one and have it back.

import { view } from "../../address.js";
import { ask, localFolder, wasCancelled } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { scopeWords, scopesOf } from "../../pure/rights.js";
import { formatAge } from "../../pure/times.js";
import { ProblemLine } from "../problem_line.js";
import { askViews, openView, remove, saveAs, undo } from "./store.js";

/** @param {{ close: () => void }} props */
export function SavedViews({ close }) {
  const [views, setViews] = useState(/** @type {any[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [deleted, setDeleted] = useState(/** @type {{ id: string, name: string, version: number } | null} */ (null));
  const [part, setPart] = useState("");
  useEffect(() => {
    if (localFolder) return;
    const stop = new AbortController();
    askViews(stop.signal).then(setViews, (error) => wasCancelled(error) || setProblem(error));
    return () => stop.abort();
  }, [deleted]);
  if (localFolder) {
    return html`<p>This page shows files in <code>${localFolder}</code>, and changes nothing: no view is saved here.</p>
      <p>The address holds the whole view. Keep it as a bookmark, or send it to who may open this page. An API of ML-Dash keeps views with names, for all who may see them.</p>`;
  }
  /** @param {Promise<void>} task */
  const thenClose = (task) => void task.then(close, setProblem);
  const words = part.toLowerCase().split(/\s+/);
  const found = (views ?? []).filter(({ name, scope }) => words.every((word) => `${name} ${scope}`.toLowerCase().includes(word)));
  return html`
    <${SaveAs} done=${thenClose} />
    <${ProblemLine} problem=${problem} />
    <h3>Saved</h3>
    ${(views?.length ?? 0) > 8 && html`<input type="search" aria-label="Part of a name" placeholder="part of a name" value=${part} onInput=${(/** @type {any} */ { target }) => setPart(target.value)} />`}
    ${deleted && html`<p role="status">${deleted.name} is deleted. For 30 days it can be had back.
      <button type="button" class="link" onClick=${() => thenClose(undo(deleted.id, deleted.version))}>have it back</button></p>`}
    ${views !== null && views.length === 0 && html`<p class="dim">No view is saved where you may read.</p>`}
    <ul class="views" aria-label="Saved views">
      ${found.map((one) => html`
        <li key=${one.id}>
          <button type="button" class="entry" onClick=${() => thenClose(openView(one.id))}><b>${one.name}</b><span>${scopeWords(one.scope)} · ${one.changedBy} ${formatAge(one.changedAt, Date.now())}</span></button>
          <button type="button" class="link" aria-label=${`Delete ${one.name}`} onClick=${() => remove(one.id).then((version) => setDeleted({ id: one.id, name: one.name, version }), setProblem)}>delete</button>
        </li>`)}
    </ul>
  `;
}

/** @param {{ done: (task: Promise<void>) => void }} props */
function SaveAs({ done }) {
  const [scopes, setScopes] = useState(/** @type {string[]} */ ([]));
  const [name, setName] = useState("");
  const [scope, setScope] = useState(projectOf(view.value) ?? "");
  const { page } = view.value;
  useEffect(() => {
    const stop = new AbortController();
    ask("v1/me", {}, stop.signal).then(
      (me) => {
        const may = scopesOf(me, "write");
        setScopes(may.map((one) => one || "/"));
        setScope((before) => before || (may[0] ?? "") || "/");
      },
      () => setScopes([]), // the saving itself says what is wrong
    );
    return () => stop.abort();
  }, []);
  if (page === "access" || page === "status") return null;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (name.trim()) done(saveAs(name.trim(), scope));
  };
  return html`
    <form class="line-form" onSubmit=${submit}>
      <label>Save this view as <input value=${name} maxlength="200" required placeholder="a name" onInput=${(/** @type {any} */ { target }) => setName(target.value)} /></label>
      <label>for <input value=${scope} list="saved-scopes" required placeholder="owner/project" spellcheck=${false} title="Who may read this owner, project or experiment sees it, who may write it changes it; / is everything"
        onInput=${(/** @type {any} */ { target }) => setScope(target.value)} /></label>
      <datalist id="saved-scopes">${scopes.map((one) => html`<option key=${one} value=${one} />`)}</datalist>
      <button class="button strong">Save</button>
    </form>
  `;
}

/** @param {import("../../pure/view.js").View} of @returns {string | undefined} */
function projectOf({ prefix, runs, pinned, baseline, filter }) {
  const [, searched = ""] = /prefix starts with "([^"]+\/[^"]+)"/.exec(filter) ?? [];
  const [first] = [prefix, ...runs, ...pinned, baseline, searched].filter(Boolean);
  return first?.split("/").slice(0, 2).join("/");
}
