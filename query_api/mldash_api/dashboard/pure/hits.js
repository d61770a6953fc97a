// Text that is looked for in a log's messages, in any case, as the API compares it.

/**
 * Nearly Python's casefold: the letters of ß and ς that lower case alone would keep.
 * @param {string} text
 */
export function folded(text) {
  return text.toLowerCase().replaceAll("ß", "ss").replaceAll("ς", "σ");
}

/** @param {string} text @param {string} find */
export function holds(text, find) {
  return folded(text).includes(folded(find));
}

/**
 * The text in parts: those at odd places are hits.
 * @param {string} text @param {string} find
 * @returns {string[]}
 */
export function partsAround(text, find) {
  if (!find) return [text];
  return text.split(new RegExp(`(${find.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&")})`, "giu"));
}
