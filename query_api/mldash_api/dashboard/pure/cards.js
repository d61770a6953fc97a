// Which charts there are: a card each field of a metric, in sections by the begin of the metric's name.

/**
 * @typedef {{ metric: string | null, field: string, isExpression?: boolean }} Card  isExpression: field is its text
 * @typedef {{ name: string, cards: Card[] }} Section
 */

const EXPRESSION = "expression";
// They count: useful as x, and dull as a curve.
const COUNTERS = /^(step|epoch|iteration|iter|index|global_step|batch)$/i;

/**
 * @param {readonly { metric: string | null, field: string, statistic: string }[]} statistics as /v1/compare has them
 * @param {string} find a regular expression over "section field"; "" and what is none find all
 * @param {readonly string[]} [first] names of cards that have a section of their own before all others
 * @param {readonly Card[]} [expressions] before the fields of their metrics
 * @returns {Section[]}
 */
export function sectionsOf(statistics, find, first = [], expressions = []) {
  const pattern = patternOf(find);
  /** @type {Map<string, Card[]>} */
  const sections = new Map();
  /** @type {Card[]} */
  const ahead = [];
  const seen = new Set();
  for (const card of [...expressions, ...statistics.map(({ metric, field }) => ({ metric, field }))]) {
    const { metric, field } = card;
    const key = nameOf(card);
    if (seen.has(key) || field === "_ts") continue;
    seen.add(key);
    if (pattern && !pattern.test(`${metric ?? ""} ${field}`)) continue;
    if (first.includes(key)) {
      ahead.push(card);
      continue;
    }
    const section = sectionOf(metric);
    sections.set(section, [...(sections.get(section) ?? []), card]);
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
export function nameOf({ metric, field, isExpression }) {
  return JSON.stringify(isExpression ? [metric, field, EXPRESSION] : [metric, field]);
}

/**
 * The cards of these names, those of expressions alone: whoever makes an address may write anything there.
 * @param {readonly string[]} names
 * @returns {Card[]}
 */
export function expressionsOf(names) {
  return names.flatMap((name) => {
    const [metric, field, kind] = listOf(name);
    const isOne = (metric === null || typeof metric === "string") && typeof field === "string" && kind === EXPRESSION;
    return isOne ? [{ metric, field, isExpression: true }] : [];
  });
}

/**
 * The names of expressions without this card's, however the address has it written.
 * @param {readonly string[]} names @param {Card} card
 */
export function namesWithout(names, card) {
  const name = nameOf(card);
  return expressionsOf(names).map(nameOf).filter((one) => one !== name);
}

/** @param {string} text @returns {unknown[]} */
function listOf(text) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
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

/**
 * The fields that x can be: those that count before others.
 * @param {readonly { metric: string | null, field: string }[]} statistics
 */
export function axesOf(statistics) {
  const fields = [...new Set(statistics.map(({ field }) => field))].filter((field) => field !== "_ts").sort();
  return [...fields.filter((field) => COUNTERS.test(field)), ...fields.filter((field) => !COUNTERS.test(field))];
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
