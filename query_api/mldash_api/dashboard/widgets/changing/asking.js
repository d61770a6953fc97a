// Changes of runs, as the API makes them: at most 200 runs a request, one request behind the other.

import { ask, send } from "../../api.js";
import { portionsOf, together, undoOf } from "../../pure/changing.js";

/**
 * @typedef {import("../../pure/changing.js").Change} Change
 * @typedef {import("../../pure/changing.js").Changed} Changed
 */

const HISTORIES_AT_ONCE = 6;

/**
 * @param {string[]} prefixes @param {Change} change @param {{ isDry: boolean }} how  isDry: nothing is changed
 * @returns {Promise<Changed[]>} those that are another afterwards
 */
export async function changeRuns(prefixes, change, { isDry }) {
  /** @type {Changed[]} */
  const changed = [];
  for (const some of portionsOf(prefixes)) {
    const { experiments } = await send("POST", "v1/experiments/change", { ...change, prefixes: some, dry_run: isDry });
    changed.push(...experiments.filter((/** @type {Changed} */ one) => one.changed));
  }
  return changed;
}

/**
 * Take a change back, by what each run's history says was there before.
 * @param {Changed[]} made @param {Change} change
 * @returns {Promise<{ back: number, overtaken: string[] }>} overtaken: somebody has changed them since; they stay
 */
export async function undoRuns(made, change) {
  /** @type {{ prefix: string, change: Change }[]} */
  const wanted = [];
  /** @type {string[]} */
  const overtaken = [];
  for (let at = 0; at < made.length; at += HISTORIES_AT_ONCE) {
    const some = made.slice(at, at + HISTORIES_AT_ONCE);
    const histories = await Promise.all(some.map(({ prefix }) => askEdits(prefix)));
    some.forEach((one, place) => {
      const undone = undoOf(histories[place], one, change);
      if (undone.isOvertaken) overtaken.push(one.prefix);
      if (undone.change) wanted.push({ prefix: one.prefix, change: undone.change });
    });
  }
  for (const { prefixes, change: back } of together(wanted)) await changeRuns(prefixes, back, { isDry: false });
  return { back: wanted.length, overtaken };
}

/** @param {string} prefix @returns {Promise<any[]>} the newest first */
export async function askEdits(prefix) {
  return (await ask("v1/experiments/history", { prefix })).history;
}
