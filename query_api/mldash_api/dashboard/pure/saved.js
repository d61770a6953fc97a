// A saved view as the API keeps it: named cards, each with a version (docs/http.md, "Saving views"). Each choice that the
// address holds is a card, and so is each pinned chart: two people who change different ones overwrite nothing.
//
// The address of a view that was opened names it with the version that it shows, ID~VERSION. So what a person changes is
// told from what others have changed since: by the cards as they were in that version.

import { DEFAULT } from "./view.js";

/**
 * @typedef {import("./view.js").View} View
 * @typedef {{ version: number, content: any }} Card
 * @typedef {{ version: number, cards: Record<string, Card> }} Base  a saved view at one of its versions
 * @typedef {{ version: number, edits: { part: string, card: string | null, before: any, after: any }[] }} Change
 */

const CHART = "chart ";
const PAGES = ["runs", "run", "charts", "compare"];
const APART = ["first", "saved"];
const MOST_LETTERS = 200; // of a card's name, in the API

const TITLES = /** @type {Record<string, string>} */ ({
  page: "page", prefix: "run", tab: "tab", filter: "filter", sort: "order", columns: "columns", group: "groups", pinned: "runs on top",
  baseline: "baseline", runs: "runs", find: "search", x: "x axis", log: "logarithmic y", smooth: "smoothing", cut: "outliers out of the scale", expressions: "expressions", over: "lines of groups", axes: "parameters against results", from: "begin", to: "end",
  level: "levels of the log", topic: "track", position: "position of a path", rotation: "rotation of a path", tint: "colour of a path",
  also: "other paths", fitted: "axes of a path", eye: "eye of a path", at: "moment", all: "rows in which all agree", turned: "runs as rows", closed: "closed groups", parted: "runs that part",
});

/** @param {string} text of the address @returns {{ id: string, version: number } | null} */
export function openedOf(text) {
  const found = /^([A-Za-z0-9_-]{16,64})~(\d{1,15})$/.exec(text);
  return found && { id: found[1], version: Number(found[2]) };
}

/** @param {string} id @param {number} version */
export function openedText(id, version) {
  return `${id}~${version}`;
}

/**
 * What a view is saved as: by card, what is not as usual.
 * @param {View} view @returns {Record<string, any>}
 */
export function cardsOf(view) {
  /** @type {Record<string, any>} */
  const cards = {};
  for (const [field, usual] of Object.entries(DEFAULT)) {
    const value = view[/** @type {keyof View} */ (field)];
    if (!APART.includes(field) && !isSame(value, usual)) cards[field] = value;
  }
  for (const name of view.first) if (CHART.length + name.length <= MOST_LETTERS) cards[CHART + name] = true;
  return cards;
}

/**
 * The view of saved cards. What this page knows nothing of is left out: a newer page may have saved it.
 * @param {Record<string, any>} contents
 */
export function viewOf(contents) {
  const view = /** @type {any} */ ({ ...DEFAULT });
  for (const [key, content] of Object.entries(contents)) {
    if (key.startsWith(CHART)) view.first = [...view.first, key.slice(CHART.length)];
    else if (isOurs(key) && fits(key, content)) view[key] = content;
  }
  return /** @type {View} */ (view);
}

/** @param {Record<string, Card>} cards @returns {Record<string, any>} */
export function contentsOf(cards) {
  return Object.fromEntries(Object.entries(cards).map(([key, { content }]) => [key, content]));
}

/**
 * What a person has changed since the base, as the API takes it. A card that this page does not know stays.
 * @param {Base} base @param {Record<string, any>} mine
 * @returns {Record<string, Card>} content null: the card goes
 */
export function changesOf(base, mine) {
  /** @type {Record<string, Card>} */
  const changes = {};
  for (const [key, content] of Object.entries(mine)) {
    const known = base.cards[key];
    if (!known || !isSame(known.content, content)) changes[key] = { version: known?.version ?? 0, content };
  }
  for (const [key, { version }] of Object.entries(base.cards)) {
    if (!(key in mine) && (key.startsWith(CHART) || isOurs(key))) changes[key] = { version, content: null };
  }
  return changes;
}

/**
 * A saved view as it was at an older version, by its history. Where that does not reach so far, no card has a version
 * that the API knows: so whatever is saved then is told as a conflict first.
 * @param {Base} now @param {readonly Change[]} history the newest first @param {number} version
 * @returns {Base}
 */
export function asOf(now, history, version) {
  if (version >= now.version) return now;
  const since = history.filter((change) => change.version > version);
  if (since.length < now.version - version) { // each version has one change
    return { version, cards: Object.fromEntries(Object.entries(now.cards).map(([key, { content }]) => [key, { version: -1, content }])) };
  }
  const cards = { ...now.cards };
  for (const { edits } of since) {
    for (const { part, card, before } of edits) {
      if (part !== "card" || card === null) continue;
      if (before === null) delete cards[card];
      else cards[card] = { version: touched(history, card, version), content: before };
    }
  }
  return { version, cards };
}

/**
 * @param {readonly Change[]} history @param {string} card @param {number} version
 * @returns {number} which change gave the card its version, of those up to `version`
 */
function touched(history, card, version) {
  const found = history.find((change) => change.version <= version && change.edits.some((edit) => edit.card === card));
  return found?.version ?? version;
}

/**
 * The base once a person knows of what others have made of some cards.
 * @param {Base} base @param {number} version @param {Record<string, Card>} theirs  version 0: it is not there
 * @returns {Base}
 */
export function withTheirs(base, version, theirs) {
  const cards = { ...base.cards, ...theirs };
  for (const [key, card] of Object.entries(theirs)) if (card.version === 0) delete cards[key];
  return { version, cards };
}

/**
 * A person's cards with those of others in the place of some.
 * @param {Record<string, any>} mine @param {Record<string, Card>} theirs
 */
export function taking(mine, theirs) {
  const taken = { ...mine };
  for (const [key, { version, content }] of Object.entries(theirs)) {
    if (version === 0) delete taken[key];
    else taken[key] = content;
  }
  return taken;
}

/** @param {string} key of a card */
export function titleOf(key) {
  if (!key.startsWith(CHART)) return TITLES[key] ?? key;
  try {
    const [metric, field] = JSON.parse(key.slice(CHART.length));
    return `pinned chart ${[metric, field].filter((one) => one !== null).join(" · ")}`;
  } catch {
    return key;
  }
}

/** @param {any} content of a card, in words; null and undefined: it is not there */
export function wordsOf(content) {
  if (content === null || content === undefined) return "as usual";
  if (content === true) return "on";
  if (Array.isArray(content)) return content.length > 3 ? `${content.slice(0, 3).join(", ")} and ${content.length - 3} more` : content.join(", ") || "none";
  return typeof content === "string" ? content || "none" : JSON.stringify(content);
}

/** @param {string} key */
function isOurs(key) {
  return Object.hasOwn(DEFAULT, key) && !APART.includes(key);
}

/** @param {string} key @param {any} content  whoever may write has put it there */
function fits(key, content) {
  if (key === "page") return PAGES.includes(content);
  if (key === "from" || key === "to" || key === "at") return content === null || Number.isFinite(content);
  const usual = DEFAULT[/** @type {keyof View} */ (key)];
  if (Array.isArray(usual)) return Array.isArray(content) && content.every((one) => typeof one === "string");
  if (typeof usual === "number") return Number.isFinite(content) && content >= 0;
  return typeof content === typeof usual;
}

/** @param {any} one @param {any} two */
function isSame(one, two) {
  return JSON.stringify(one) === JSON.stringify(two);
}
