// A run's colour: by its prefix alone, so it is the same in every view, at every time, for everybody.

export const COLOURS = 8;
const DASHES = [[], [7, 4], [2, 3], [9, 3, 2, 3]];

/**
 * FNV-1a over the UTF-16 code units.
 * @param {string} text
 */
export function hashed(text) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  // Names that differ in their last letter alone would else differ in a few bits only.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}

/**
 * The number of its colour, 0 … COLOURS - 1 (styles/palette.css).
 * @param {string} prefix
 */
export function colourOf(prefix) {
  return hashed(prefix) % COLOURS;
}

/**
 * Of runs that are drawn together: those with one colour differ in their dashes.
 * @param {readonly string[]} prefixes
 * @returns {number[][]}
 */
export function dashesOf(prefixes) {
  const before = new Array(COLOURS).fill(0);
  return prefixes.map((prefix) => DASHES[before[colourOf(prefix)]++ % DASHES.length]);
}
