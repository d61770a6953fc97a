// Round places along an axis.

/**
 * @param {number} least @param {number} greatest @param {number} count about so many
 * @returns {number[]} rising, from `least` to `greatest`
 */
export function ticksOf(least, greatest, count) {
  const rough = (greatest - least) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return Number.isFinite(least) ? [least] : [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((one) => one * power >= rough) ?? 10);
  const first = Math.ceil(least / step);
  const last = Math.floor(greatest / step);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => (first + at) * step);
}

/**
 * Powers of ten; where that are fewer than two, round places.
 * @param {number} least above 0 @param {number} greatest @param {number} count
 */
export function logTicksOf(least, greatest, count) {
  const [first, last] = [Math.ceil(Math.log10(least)), Math.floor(Math.log10(greatest))];
  if (last - first < 1) return ticksOf(least, greatest, count);
  const step = Math.max(1, Math.ceil((last - first) / count));
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => 10 ** (first + at * step));
}
