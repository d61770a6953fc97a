// When a stream that has ended is opened again, and whether.

/** Of the reasons of `closed` (docs/http.md, Live): after these nothing more will come. */
const FOR_GOOD = new Set(["ended", "done", "not-signed-in", "not-allowed", "too-many-streams", "too-many-experiments"]);

export const SILENT_MS = 40_000; // `alive` comes every 15 s: after more than two of them something on the way is dead

/** @param {string} reason */
export function comesBack(reason) {
  return !FOR_GOOD.has(reason);
}

/**
 * Doubling from half a second to ten, each time anywhere in its upper half: many pages must not come at once.
 * @param {number} failures in turn
 * @param {number} chance   0 … 1
 */
export function pauseMs(failures, chance) {
  const longest = Math.min(10_000, 500 * 2 ** Math.min(failures, 10));
  return longest * (0.5 + chance / 2);
}
