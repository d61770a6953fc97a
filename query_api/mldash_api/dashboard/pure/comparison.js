// Runs side by side: what the API says of them, as fields in a tree of names, and the tree as the rows of a sheet.

import { numberOf } from "./columns.js";
import { Written, exactText } from "./exact.js";
import { directionOf } from "./numbers.js";

/**
 * @typedef {object} Field
 * @property {string[]} path     its section (params, metrics, context), groups, its own name
 * @property {string} detail     of a metric: last, or best
 * @property {string} statistic  of a metric: last, min or max
 * @property {unknown[]} values  a value a run that is there; undefined: it has none
 * @property {-1 | 0 | 1} direction  1: more is better
 *
 * @typedef {object} Row
 * @property {string} key        unique
 * @property {string} title
 * @property {number} depth
 * @property {Field | null} field  null: a section or a group
 * @property {string} name       of a section or a group, as the address has it
 * @property {boolean} isOpen
 * @property {number} count      of fields in it
 *
 * @typedef {{ title: string, path: string[], fields: Field[], below: Map<string, Branch> }} Branch
 */

const TITLES = /** @type {Record<string, string>} */ ({ params: "Parameters", metrics: "Metrics", context: "Context" });
const BEST = /** @type {Record<string, string>} */ ({ "-1": "min", 1: "max" });
const OTHER = /^(true|false|null|-?\d+(\.\d+)?(e[+-]?\d+)?)$/i;
/** @type {WeakMap<Field, string>} */
const kept = new WeakMap();

/**
 * @param {any} compared as /v1/compare answers
 * @returns {{ prefixes: string[], fields: Field[] }} of the runs that are there
 */
export function fieldsOf({ prefixes, absent, params, statistics, context }) {
  const there = prefixes.map((/** @type {string} */ _, /** @type {number} */ run) => run).filter((/** @type {number} */ run) => !absent.includes(run));
  const field = (/** @type {string[]} */ path, /** @type {any} */ row, statistic = "", direction = /** @type {-1 | 0 | 1} */ (0)) => {
    const missing = new Set(row.missing);
    const detail = statistic === "" || statistic === "last" ? statistic : "best";
    return { path, detail, statistic, direction, values: there.map((/** @type {number} */ run) => (missing.has(run) ? undefined : row.values[run])) };
  };
  const metrics = statistics.flatMap((/** @type {any} */ row) => {
    const direction = directionOf(`${row.metric ?? ""} ${row.field}`);
    if (row.statistic !== "last" && row.statistic !== BEST[direction]) return [];
    const found = field(["metrics", ...(row.metric === null ? [] : row.metric.split("/")), row.field], row, row.statistic, direction);
    return [{ ...found, values: found.values.map(numberOf) }];
  });
  return {
    prefixes: there.map((/** @type {number} */ run) => prefixes[run]),
    fields: [
      ...params.map((/** @type {any} */ row) => field(["params", ...row.name.split(".")], row)),
      ...metrics,
      ...context.map((/** @type {any} */ row) => field(["context", ...row.name.split(".")], row)),
    ],
  };
}

/**
 * Those whose name or values have all these words.
 * @param {readonly Field[]} fields @param {string} find
 */
export function found(fields, find) {
  const words = find.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [...fields];
  return fields.filter((field) => words.every((word) => lowered(field).includes(word)));
}

/** All that is said of it, kept for the next letter of a search. @param {Field} field */
function lowered(field) {
  const text = kept.get(field) ?? `${nameOf(field)} ${field.detail} ${field.values.map(textOf).join(" ")}`.toLowerCase();
  kept.set(field, text);
  return text;
}

/** @param {Field} field */
export function nameOf({ path }) {
  return path.slice(1).join(path[0] === "metrics" ? "/" : ".");
}

/**
 * @param {readonly Field[]} fields @param {readonly string[]} closed names of groups
 * @returns {Row[]}
 */
export function rowsOf(fields, closed) {
  const root = branch("", []);
  for (const field of fields) {
    let at = root;
    for (const part of field.path.slice(0, -1)) {
      const next = at.below.get(part) ?? branch(part, [...at.path, part]);
      at.below.set(part, next);
      at = next;
    }
    at.fields.push(field);
  }
  /** @type {Row[]} */
  const rows = [];
  const isClosed = new Set(closed);
  const walk = (/** @type {Branch} */ at, /** @type {number} */ depth) => {
    for (const field of at.fields) {
      const title = /** @type {string} */ (field.path.at(-1));
      rows.push({ key: JSON.stringify([field.path, field.detail]), title, depth, field, name: "", isOpen: false, count: 1 });
    }
    for (const next of at.below.values()) {
      const name = next.path.join(".");
      const isOpen = !isClosed.has(name);
      const title = depth === 0 ? (TITLES[next.title] ?? next.title) : next.title;
      rows.push({ key: JSON.stringify([next.path]), title, depth, field: null, name, isOpen, count: countOf(next) });
      if (isOpen) walk(next, depth + 1);
    }
  };
  walk(root, 0);
  return rows;
}

/**
 * What a cell says: a text that looks like another value is in quotes.
 * @param {unknown} value
 */
export function textOf(value) {
  if (value === undefined) return "";
  return typeof value === "string" && OTHER.test(value) ? JSON.stringify(value) : exactText(value);
}

/** @param {unknown} one @param {unknown} two values of a field */
export function areSame(one, two) {
  return typeof one === typeof two && textOf(one) === textOf(two);
}

/** Whether all that it has are numbers. @param {Field} field */
export function isNumeric({ values }) {
  return values.every((value) => value === undefined || value === null || typeof value === "number" || value instanceof Written);
}

/**
 * A metric's value as a number; of others undefined.
 * @param {Field} field @param {unknown} value
 */
export function measured(field, value) {
  if (field.path[0] !== "metrics") return undefined;
  return value instanceof Written ? Number(value) : value;
}

/** @param {string} title @param {string[]} path @returns {Branch} */
function branch(title, path) {
  return { title, path, fields: [], below: new Map() };
}

/** @param {Branch} of @returns {number} */
function countOf(of) {
  let count = of.fields.length;
  for (const next of of.below.values()) count += countOf(next);
  return count;
}
