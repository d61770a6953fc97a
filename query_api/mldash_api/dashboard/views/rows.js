// Rows of the table of runs, as the API's index has them.

import { ask } from "../api.js";
import { withNumbers } from "../pure/columns.js";

/** @typedef {import("../pure/overlays.js").Row} Row */

/**
 * @param {{ filter: string | null, fields: string[], sort?: string, cursor?: string | null, limit: number }} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ rows: Row[], count: number, next: string | null }>} rows with these fields
 */
export async function askRows(query, signal) {
  const { experiments, count, next } = await ask("v1/experiments", { ...query, nonfinite: "string" }, signal);
  return { rows: experiments.map(withNumbers), count, next };
}
