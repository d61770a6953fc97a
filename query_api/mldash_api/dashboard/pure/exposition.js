// Operator metrics, as Prometheus reads them (text format 0.0.4).

/** @typedef {{ name: string, labels: Record<string, string>, value: number }} Sample */

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES = /** @type {Record<string, string>} */ ({ n: "\n" });

/** @param {string} text @returns {Sample[]} */
export function samplesOf(text) {
  /** @type {Sample[]} */
  const samples = [];
  for (const line of text.split("\n")) {
    const found = line.startsWith("#") ? null : LINE.exec(line);
    if (!found) continue;
    const [, name, labels = "", value] = found;
    samples.push({ name, labels: labelsOf(labels), value: numberOf(value) });
  }
  return samples;
}

/** @param {readonly Sample[]} samples @param {string} name @returns {number | null} over all labels; null: there is none */
export function sumOf(samples, name) {
  const own = samples.filter((one) => one.name === name);
  return own.length === 0 ? null : own.reduce((sum, { value }) => sum + value, 0);
}

/** @param {string} text */
function labelsOf(text) {
  return Object.fromEntries(Array.from(text.matchAll(LABEL), ([, name, value]) => [name, value.replace(/\\(.)/g, (_, one) => ESCAPES[one] ?? one)]));
}

/** @param {string} text */
function numberOf(text) {
  if (text === "+Inf") return Infinity;
  return text === "-Inf" ? -Infinity : Number(text);
}
