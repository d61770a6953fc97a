// What all widgets of the page want to hear, as one listener asks for it (docs/http.md, Live).

// The API refuses more.
const MOST_PATTERNS = 100;
const MOST_WILD_LETTERS = 2_000; // of those with *, ? or [
const MOST_BYTES = 1_024; // of one

/**
 * @typedef {object} Wanted
 * @property {readonly string[]} prefixes
 * @property {readonly string[]} [scopes]
 * @property {readonly string[]} kinds
 * @property {readonly string[]} [metrics]   names; the unnamed one is ""
 */

/** @param {readonly Wanted[]} all */
export function together(all) {
  // The names of metrics bound all that is told of them: who waits for new metrics has to hear of each.
  const named = all.filter(({ kinds }) => kinds.includes("points") || kinds.includes("fields"));
  const names = named.some(({ metrics }) => !metrics) ? [] : unique(named.flatMap(({ metrics }) => metrics ?? []));
  return {
    prefixes: unique(all.flatMap(({ prefixes }) => prefixes)),
    scopes: unique(all.flatMap(({ scopes }) => scopes ?? [])),
    kinds: unique(all.flatMap(({ kinds }) => kinds)),
    metrics: patternsOf(names),
  };
}

/** None where they are too many: then all is told, and each widget takes its own. @param {readonly string[]} names */
function patternsOf(names) {
  const patterns = names.map(patternOf);
  const wild = patterns.filter((one, at) => one !== names[at]).join("");
  const isTooMuch = patterns.length > MOST_PATTERNS || wild.length > MOST_WILD_LETTERS;
  return isTooMuch || patterns.some((one) => new TextEncoder().encode(one).length > MOST_BYTES) ? [] : patterns;
}

/**
 * The pattern that is this name alone.
 * @param {string} name
 */
export function patternOf(name) {
  return name.replace(/[*?[]/g, "[$&]");
}

/** @param {readonly string[]} names */
function unique(names) {
  return [...new Set(names)].sort();
}
