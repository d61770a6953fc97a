// Causal smoothing: what is drawn at x depends on what lies at or before x alone, so new points never move the past.
//
//   s(x) = Σ w_i y_i / Σ w_i   over the columns of pixels i at or before x,   w_i = n_i · 2^(−(x − x_i) / h)
//
// h is the half-life in units of x, y_i the mean of the n_i numbers of column i, x_i where it stands.

/** As it stands on the page and in files. */
export const FORMULA = "s(x) = Σ wᵢyᵢ / Σ wᵢ over all i at or before x, wᵢ = nᵢ · 2^(−(x − xᵢ)/h)";

/**
 * @param {ArrayLike<number>} x  rising
 * @param {ArrayLike<number>} y  means; NaN: no number there
 * @param {ArrayLike<number>} n  how many numbers each is the mean of
 * @param {number} halfLife      0: y as it is
 * @returns {(number | null)[]}
 */
export function smoothed(x, y, n, halfLife) {
  /** @type {(number | null)[]} */
  const out = new Array(x.length);
  let [sum, weight, before] = [0, 0, NaN];
  for (let at = 0; at < x.length; at++) {
    const value = y[at];
    if (!Number.isFinite(value)) {
      out[at] = null;
      continue;
    }
    const fade = halfLife > 0 && !Number.isNaN(before) ? 2 ** ((before - x[at]) / halfLife) : 0;
    const count = Math.max(1, n[at]);
    sum = sum * fade + count * value;
    weight = weight * fade + count;
    before = x[at];
    out[at] = sum / weight;
  }
  return out;
}
