// The time of a track that is pointed at, one for its path and all its charts.

import { view } from "./address.js";
import { signal } from "./frame.js";

/** `by`: who moved it, and so shows it already. */
export const moment = signal({ time: /** @type {number | null} */ (view.value.at), by: /** @type {"chart" | "path" | "address"} */ ("address") });

/** @param {number} time @param {"chart" | "path"} by */
export function pointAt(time, by) {
  moment.value = { time, by };
}

/** To the time that the address names, if it names one. */
export function pointBack() {
  moment.value = { time: view.value.at, by: "address" };
}
