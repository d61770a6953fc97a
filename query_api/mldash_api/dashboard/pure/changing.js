// Title, tags, notes and the archive flag of many runs: what is asked of the API, and what takes it back.

/**
 * @typedef {{ add_tags?: string[], remove_tags?: string[], notes?: string, archived?: boolean, title?: string }} Change
 * @typedef {{ part: "tags" | "notes" | "archived" | "title", before: any, after: any }} Edit  a line of a run's history
 * @typedef {{ prefix: string, tags: string[], notes: string, archived: boolean, title: string, changed: boolean }} Changed
 */

export const AT_ONCE = 200; // so many the API changes with one request

/**
 * What a form asks for; null: nothing.
 * @param {{ archive: "" | "yes" | "no", add: string, remove: string, notes: string | null }} form  notes null: they stay
 * @returns {Change | null}
 */
export function changeOf({ archive, add, remove, notes }) {
  /** @type {Change} */
  const change = {};
  if (archive !== "") change.archived = archive === "yes";
  if (tagsOf(add).length > 0) change.add_tags = tagsOf(add);
  if (tagsOf(remove).length > 0) change.remove_tags = tagsOf(remove);
  if (notes !== null) change.notes = notes;
  return Object.keys(change).length > 0 ? change : null;
}

/** @param {string} text with commas between @returns {string[]} each once */
export function tagsOf(text) {
  return [...new Set(text.split(",").map((tag) => tag.trim()).filter(Boolean))];
}

/** @template T @param {readonly T[]} all @returns {T[][]} */
export function portionsOf(all) {
  return Array.from({ length: Math.ceil(all.length / AT_ONCE) }, (_, at) => all.slice(at * AT_ONCE, (at + 1) * AT_ONCE));
}

/**
 * What takes a change of one run back, by its history; of a part that somebody has changed since, nothing.
 * @param {readonly Edit[]} history the newest first @param {Changed} made as it was after the change
 * @param {Change} change
 * @returns {{ change: Change | null, isOvertaken: boolean }}
 */
export function undoOf(history, made, change) {
  let isOvertaken = false;
  /** @type {Change} */
  const back = {};
  for (const part of partsOf(change)) {
    const newest = history.find((edit) => edit.part === part);
    if (!newest) continue;
    if (!isSame(newest.after, made[part])) isOvertaken = true;
    else Object.assign(back, inverse(newest));
  }
  return { change: Object.keys(back).length > 0 ? back : null, isOvertaken };
}

/** @param {Edit} edit @returns {Change} */
export function inverse({ part, before, after }) {
  if (part !== "tags") return { [part]: before };
  const without = (/** @type {string[]} */ some, /** @type {string[]} */ others) => some.filter((tag) => !others.includes(tag));
  return { add_tags: without(before, after), remove_tags: without(after, before) };
}

/**
 * Runs that need the same change, together.
 * @param {readonly { prefix: string, change: Change }[]} wanted
 * @returns {{ prefixes: string[], change: Change }[]} at most AT_ONCE runs each
 */
export function together(wanted) {
  /** @type {Map<string, { prefixes: string[], change: Change }>} */
  const groups = new Map();
  for (const { prefix, change } of wanted) {
    const key = JSON.stringify(change);
    const group = groups.get(key) ?? { prefixes: [], change };
    group.prefixes.push(prefix);
    groups.set(key, group);
  }
  return [...groups.values()].flatMap(({ prefixes, change }) => portionsOf(prefixes).map((some) => ({ prefixes: some, change })));
}

/** @param {any} value of a part, in words */
export function valueWords(value) {
  if (Array.isArray(value)) return value.join(", ") || "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return value === "" || value === null ? "none" : String(value);
}

/** @param {Change} change @returns {Edit["part"][]} */
function partsOf(change) {
  /** @type {Edit["part"][]} */
  const parts = [];
  if (change.add_tags || change.remove_tags) parts.push("tags");
  for (const part of /** @type {const} */ (["notes", "archived", "title"])) if (change[part] !== undefined) parts.push(part);
  return parts;
}

/** @param {any} one @param {any} two */
function isSame(one, two) {
  return JSON.stringify(one) === JSON.stringify(two);
}
