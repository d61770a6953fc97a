// Numbers as people read them: four digits that matter, the same for one value everywhere.

const DIGITS = 4;

/** @param {unknown} value */
export function formatNumber(value) {
  if (typeof value !== "number") return "";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e9) return grouped(value);
  if (size >= 1e6 || size < 1e-4) return minus(value.toExponential(DIGITS - 2).replace("e+", "e"));
  return size >= 1e4 ? grouped(Math.round(value)) : minus(String(Number(value.toPrecision(DIGITS))));
}

/** @param {number} value a whole one */
function grouped(value) {
  return minus(String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f"));
}

/** @param {string} text */
function minus(text) {
  return text.replace(/^-/, "−");
}

/** @param {number} count @param {string} noun */
export function counted(count, noun) {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}

// Which way is better, by words that a metric's name holds; 0: nobody knows.
const LOWER = /loss|error|perplexity|latency|(^|[^a-z])(mse|mae|rmse|nll|fid|wer|cer|regret|time|seconds)([^a-z]|$)/i;
const HIGHER = /accuracy|reward|return|score|precision|recall|throughput|(^|[^a-z])(acc|f1|auc|map|bleu|psnr|ssim|iou|r2)([^a-z]|$)/i;

/**
 * @param {string} name
 * @returns {-1 | 0 | 1} 1: more is better
 */
export function directionOf(name) {
  if (LOWER.test(name)) return -1;
  return HIGHER.test(name) ? 1 : 0;
}
