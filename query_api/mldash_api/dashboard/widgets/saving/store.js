// The saved view that is open, and what a person does with it. The page shows what the address says; here is what the
// view is on the server, at the version that the address names.

import { go, view } from "../../address.js";
import { Problem, ask, send } from "../../api.js";
import { signal } from "../../frame.js";
import { asOf, cardsOf, changesOf, contentsOf, openedOf, openedText, taking, viewOf, withTheirs } from "../../pure/saved.js";

/**
 * @typedef {import("../../pure/saved.js").Base} Base
 * @typedef {import("../../pure/saved.js").Card} Card
 *
 * @typedef {object} Opened
 * @property {string} id
 * @property {string} scope
 * @property {string} name
 * @property {number} nameVersion
 * @property {number} newest      its version now; that of the base may be older
 * @property {string | null} changedAt
 * @property {string} changedBy
 * @property {Base} base          as it was when the address got what it shows
 */

export const opened = signal(/** @type {Opened | null} */ (null));
/** What others have made of the cards that one wanted to save. */
export const conflict = signal(/** @type {{ version: number, cards: Record<string, Card> } | null} */ (null));

/** Bring what is known of it up to date. */
export async function look() {
  const named = openedOf(view.value.saved);
  if (!named) return void (opened.value = null);
  const found = await ask(`v1/saved-views/${named.id}`);
  const history = found.version > named.version ? (await askHistory(named.id)) : [];
  if (openedOf(view.value.saved)?.id === named.id) opened.value = { ...known(found), base: asOf(found, history, named.version) };
}

/** @param {string} id */
export async function openView(id) {
  show(await ask(`v1/saved-views/${id}`));
}

/** @returns {Record<string, Card>} what is not saved yet, by card */
export function unsaved() {
  return opened.value ? changesOf(opened.value.base, cardsOf(view.value)) : {};
}

export function discard() {
  if (opened.value) go({ ...viewOf(contentsOf(opened.value.base.cards)), saved: view.value.saved });
}

/** What differs is saved; what others have saved meanwhile comes with the answer. */
export async function save() {
  if (!opened.value) return;
  await put({ cards: unsaved() });
}

export async function keepMine() {
  if (!opened.value || !conflict.value) return;
  opened.value = { ...opened.value, base: withTheirs(opened.value.base, conflict.value.version, conflict.value.cards) };
  conflict.value = null;
  await save();
}

export async function takeTheirs() {
  if (!opened.value || !conflict.value) return;
  const { version, cards } = conflict.value;
  const mine = taking(cardsOf(view.value), cards);
  opened.value = { ...opened.value, base: withTheirs(opened.value.base, version, cards) };
  conflict.value = null;
  go({ ...viewOf(mine), saved: view.value.saved });
  if (Object.keys(unsaved()).length > 0) await save();
  else await openView(opened.value.id);
}

/** @param {string} name @param {string} scope */
export async function saveAs(name, scope) {
  const cards = Object.entries(cardsOf(view.value)).map(([key, content]) => [key, { version: 0, content }]);
  show(await send("PUT", `v1/saved-views/${drawn()}`, { scope, name: { text: name, version: 0 }, cards: Object.fromEntries(cards) }));
}

/** @param {string} text */
export async function rename(text) {
  if (!opened.value) return;
  const { id, nameVersion, base } = opened.value;
  const found = await send("PUT", `v1/saved-views/${id}`, { name: { text, version: nameVersion } });
  const version = found.version === base.version + 1 ? found.version : base.version; // else others have changed cards too
  opened.value = { ...known(found), base: { ...base, version } };
  go({ saved: openedText(id, version) }, { replace: true });
}

/** @param {string} id @param {number} version of the change */
export async function undo(id, version) {
  show(await send("POST", `v1/saved-views/${id}/undo`, { version }));
}

/** @param {string} id @returns {Promise<number>} the change by which it can be had back */
export async function remove(id) {
  const { history } = await send("DELETE", `v1/saved-views/${id}`);
  if (opened.value?.id === id) close();
  return history[0].version;
}

export function close() {
  opened.value = null;
  go({ saved: "" });
}

/** @param {string} id @returns {Promise<any[]>} the newest first */
export async function askHistory(id) {
  return (await ask(`v1/saved-views/${id}/history`)).history;
}

/** @param {AbortSignal} signal @returns {Promise<any[]>} all that one may see */
export async function askViews(signal) {
  /** @type {any[]} */
  let all = [];
  let cursor = null;
  do {
    const page = /** @type {any} */ (await ask("v1/saved-views", { cursor, limit: 1_000 }, signal));
    all = all.concat(page.views);
    cursor = page.next;
  } while (cursor);
  return all;
}

/** @param {{ cards: Record<string, Card> }} change */
async function put(change) {
  const { id } = /** @type {Opened} */ (opened.value);
  try {
    show(await send("PUT", `v1/saved-views/${id}`, change));
  } catch (error) {
    if (!(error instanceof Problem) || error.type !== "view-overtaken") throw error;
    conflict.value = { version: error.told.version, cards: error.told.cards };
  }
}

/** @param {any} found a view as the API tells it */
function show(found) {
  conflict.value = null;
  opened.value = { ...known(found), base: { version: found.version, cards: found.cards } };
  go({ ...viewOf(contentsOf(found.cards)), saved: openedText(found.id, found.version) });
}

/** @param {any} found */
function known({ id, scope, name, nameVersion, version, changedAt, changedBy }) {
  return { id, scope, name, nameVersion, newest: version, changedAt, changedBy };
}

function drawn() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
