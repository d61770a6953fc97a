// Hears of the runs in view, and of those that are new beside them; what has changed is asked for soon after.

import { Problem, wasCancelled } from "../api.js";
import { listen } from "../live.js";
import { useEffect, useRef, useState } from "../frame.js";
import { lastValues, metricsOf } from "../pure/columns.js";
import { Due } from "../pure/due.js";
import { oneAtATime } from "../pure/one_at_a_time.js";

const AFTER_MS = 700; // what a run wrote is in the index of runs some tenths of a second later
const ONCE_MORE_MS = 6_000; // and its statistics some seconds later
const MOST_SCOPED = 900;

/**
 * @typedef {object} Looks
 * @property {(prefixes: string[]) => Promise<void>} refresh
 * @property {() => Promise<void>} recount
 *
 * @param {Looks & { rows: import("./runs_data.js").Row[], visible: string[], fields: string[],
 *                   told: (prefix: string, values: Record<string, unknown>) => void }} what
 */
export function useLiveRuns({ rows, visible, fields, refresh, recount, told: laid }) {
  const projects = [...new Set(rows.map(({ prefix }) => prefix.split("/").slice(0, 2).join("/")))].sort();
  const scopes = rows.length > 0 && rows.length <= MOST_SCOPED && projects.length <= 50 ? projects : [];
  const known = useRef(/** @type {Set<string>} */ (new Set()));
  known.current = new Set(rows.map(({ prefix }) => prefix));
  const latest = useRef({ refresh, recount });
  latest.current = { refresh, recount };
  // It outlives what is in view: a scroll must lose no change that was told before it.
  const [looking] = useState(() => new Looking(latest));
  useEffect(() => looking.begin(), [looking]);

  useEffect(() => {
    /** @param {string} event @param {any} told */
    const hear = (event, told) => {
      if (event === "gap" && !told.prefix) return looking.changed(visible);
      if (!known.current.has(told.prefix)) return void (event === "status" && looking.isNew());
      if (event === "points") laid(told.prefix, lastValues(fields, told.name, told.points));
      looking.changed([told.prefix]);
    };
    const metrics = metricsOf(fields);
    const stops = [listen({ prefixes: visible, scopes, kinds: ["status"], hear })];
    if (metrics.length > 0) stops.push(listen({ prefixes: visible, kinds: ["points"], metrics, hear }));
    return () => stops.forEach((stop) => stop());
  }, [JSON.stringify([visible, scopes, fields])]);
}

/** What has changed and is not asked for yet. One request after another. */
class Looking {
  /** @param {{ current: Looks }} latest */
  constructor(latest) {
    /** @type {Set<string>} */
    this.waiting = new Set();
    this.due = new Due();
    this.counts = false;
    this.isOver = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.soon = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.later = undefined;
    this.look = oneAtATime(() => this.lookNow(latest.current));
  }

  /** @returns {() => void} ends it */
  begin() {
    this.isOver = false;
    return () => {
      this.isOver = true;
      clearTimeout(this.soon);
      clearTimeout(this.later);
      this.soon = undefined;
    };
  }

  /** @param {readonly string[]} prefixes */
  changed(prefixes) {
    for (const prefix of prefixes) this.waiting.add(prefix);
    this.settle();
  }

  isNew() {
    this.counts = true;
    this.settle();
  }

  settle() {
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.look();
    }, AFTER_MS);
  }

  /** @param {Looks} looks */
  async lookNow({ refresh, recount }) {
    if (this.isOver) return;
    const now = Date.now();
    const prefixes = new Set([...this.waiting, ...this.due.take(now)]);
    for (const prefix of this.waiting) this.due.add(prefix, now + ONCE_MORE_MS);
    this.waiting.clear();
    const counts = this.counts;
    this.counts = false;
    try {
      await Promise.all([refresh([...prefixes]), counts && recount()]);
    } catch (error) {
      forgive(error);
    } finally {
      clearTimeout(this.later);
      const next = this.due.next;
      if (next !== null && !this.isOver) this.later = setTimeout(this.look, Math.max(AFTER_MS, next - Date.now()));
    }
  }
}

/** @param {unknown} error of a look that the next event repeats; the pulse tells of an API that is away */
function forgive(error) {
  if (!(error instanceof Problem) && !wasCancelled(error)) throw error;
}
