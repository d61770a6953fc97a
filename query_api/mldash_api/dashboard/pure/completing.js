// What may stand at the caret of a filter, and what is put there.

const NAME = /(?:[\w\-/.]|"(?:[^"\\]|\\.)*")*$/;
const WORDS = ["and", "or", "not", "in", "has", "contains", "starts with", "exists", "is nan"];

/**
 * The name that ends at the caret, and where it begins.
 * @param {string} text @param {number} caret
 */
export function nameAt(text, caret) {
  const before = text.slice(0, caret);
  const quotes = before.match(/(?<!\\)"/g)?.length ?? 0;
  const name = NAME.exec(before)?.[0] ?? "";
  const isInText = quotes % 2 === 1 && !name.includes(".");
  return isInText ? { name: "", start: caret, isField: false } : { name, start: caret - name.length, isField: true };
}

/**
 * @param {string} text @param {number} caret
 * @param {readonly { field: string, kinds: string[], runs: number }[]} known fields that begin with the name
 * @returns {{ value: string, detail: string }[]}
 */
export function suggestions(text, caret, known) {
  const { name, isField } = nameAt(text, caret);
  if (!isField) return [];
  const fields = known.map(({ field, kinds, runs }) => ({ value: field, detail: `${kinds.join(", ")} · ${runs}` }));
  const words = name === "" ? [] : WORDS.filter((word) => word.startsWith(name.toLowerCase()) && word !== name);
  return [...fields.filter(({ value }) => value !== name), ...words.map((value) => ({ value, detail: "" }))].slice(0, 12);
}

/**
 * Whether a name is the begin of known fields, and none itself.
 * @param {string} name @param {readonly { field: string }[]} known fields that begin with it
 */
export function isBegun(name, known) {
  return name !== "" && known.length > 0 && known.every(({ field }) => field !== name);
}

/**
 * The text with a suggestion in place of the name at the caret.
 * @param {string} text @param {number} caret @param {string} value
 */
export function completed(text, caret, value) {
  const { start } = nameAt(text, caret);
  const rest = text.slice(caret);
  const space = rest.startsWith(" ") || value.endsWith(".") ? "" : " ";
  return { text: text.slice(0, start) + value + space + rest, caret: start + value.length + space.length };
}
