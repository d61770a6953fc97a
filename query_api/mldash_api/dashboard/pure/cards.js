// Which charts there are: a card each field of a metric, in sections by the begin of the metric's name.

/**
 * @typedef {{ metric: string | null, field: string }} Card
 * @typedef {{ name: string, cards: Card[] }} Section
 */

// They count: useful as x, and dull as a curve.
const COUNTERS = /^(step|epoch|iteration|iter|index|global_step|batch)$/i;

/**
 * @param {readonly { metric: string | null, field: string, statistic: string }[]} statistics as /v1/compare has them
 * @param {string} find a regular expression over "section field"; "" and what is none find all
 * @param {readonly string[]} [first] names of cards that have a section of their own before all others
 * @returns {Section[]}
 */
export function sectionsOf(statistics, find, first = []) {
  const pattern = patternOf(find);
  /** @type {Map<string, Card[]>} */
  const sections = new Map();
  /** @type {Card[]} */
  const ahead = [];
  const seen = new Set();
  for (const { metric, field } of statistics) {
    const key = nameOf({ metric, field });
    if (seen.has(key) || field === "_ts") continue;
    seen.add(key);
    if (pattern && !pattern.test(`${metric ?? ""} ${field}`)) continue;
    if (first.includes(key)) {
      ahead.push({ metric, field });
      continue;
    }
    const section = sectionOf(metric);
    sections.set(section, [...(sections.get(section) ?? []), { metric, field }]);
  }
  const dull = (/** @type {Card} */ { field }) => (COUNTERS.test(field) ? 1 : 0);
  const behind = [...sections.entries()]
    .map(([name, cards]) => ({ name, cards: cards.sort((one, two) => dull(one) - dull(two)) }))
    .sort((one, two) => (one.name < two.name ? -1 : 1));
  return ahead.length > 0 ? [{ name: FIRST, cards: ahead }, ...behind] : behind;
}

/** The section of cards that were pinned. */
export const FIRST = "Pinned";

/**
 * A card's name, the same for ever: in addresses and saved views.
 * @param {Card} card
 */
export function nameOf({ metric, field }) {
  return JSON.stringify([metric, field]);
}

/**
 * Of "train/loss" and "train" it is "train".
 * @param {string | null} metric
 */
export function sectionOf(metric) {
  if (metric === null) return "without a name";
  const [first] = metric.split("/");
  return first || "/";
}

/** @param {Card} card */
export function titleOf({ metric, field }) {
  const name = metric === null ? "" : metric.split("/").slice(1).join("/");
  return name ? `${name} · ${field}` : field;
}

/** @param {readonly { metric: string | null, field: string }[]} statistics */
export function axesOf(statistics) {
  return [...new Set(statistics.map(({ field }) => field).filter((field) => COUNTERS.test(field)))].sort();
}

/** @param {string} text @returns {RegExp | null} */
export function patternOf(text) {
  if (text === "") return null;
  try {
    return new RegExp(text, "i");
  } catch {
    return null;
  }
}
