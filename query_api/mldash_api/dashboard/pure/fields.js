// Fields of runs as the API names them (docs/query.md): their parts, their titles, how they are compared.

const WORD = /^[A-Za-z_][\w\-/]*$/;

/**
 * The parts of a dotted name; a part in double quotes may hold anything.
 * @param {string} field
 * @returns {string[]}
 */
export function partsOf(field) {
  const parts = field.match(/"(?:[^"\\]|\\.)*"|[^.]+/g) ?? [];
  return parts.map((part) => (part.startsWith('"') ? unquoted(part) : part));
}

/**
 * The metric that a field is of: null is the unnamed one, undefined says that it is of none.
 * @param {string} field
 */
export function metricOf(field) {
  const [kind, name] = partsOf(field);
  if (kind !== "metrics" || name === undefined) return undefined;
  return /^metrics\.null\./.test(field) ? null : name; // "null" in quotes is a name
}

/**
 * What stands at the head of its column.
 * @param {string} field
 * @returns {{ title: string, detail: string, isNumber: boolean }}
 */
export function titleOf(field) {
  const parts = partsOf(field);
  const [kind] = parts;
  if (kind === "params") return { title: parts.slice(1).join("."), detail: "param", isNumber: false };
  if (kind === "metrics" && parts.length >= 4) {
    const [statistic] = parts.slice(-1);
    const name = parts.slice(1, -1).join(" · ");
    return { title: name, detail: statistic, isNumber: true };
  }
  return { title: parts.join("."), detail: "", isNumber: field === "duration" || field === "sessions" };
}

/**
 * A field's name for a filter.
 * @param {readonly string[]} parts
 */
export function fieldOf(parts) {
  return parts.map((part) => (WORD.test(part) ? part : JSON.stringify(part))).join(".");
}

/**
 * A condition that exactly the runs with this value pass.
 * @param {string} field @param {unknown} value
 */
export function conditionOf(field, value) {
  if (typeof value === "number" && !Number.isFinite(value)) return `${field} is nan`;
  return `${field} = ${JSON.stringify(value)}`;
}

/** @param {readonly string[]} parts conditions; empty ones are left out */
export function allOf(parts) {
  const some = parts.filter((one) => one.trim() !== "");
  return some.length > 1 ? some.map((one) => (/\bor\b/i.test(one) ? `(${one})` : one)).join(" and ") : (some[0] ?? "");
}

/** @param {string} part */
function unquoted(part) {
  try {
    return String(JSON.parse(part));
  } catch {
    return part;
  }
}
