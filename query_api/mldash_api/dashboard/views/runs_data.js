// The rows of the table: fetched page by page in one order, then kept up to date in place.
//
// A row never moves by itself: new values are written where it stands, and runs that are new are counted until somebody
// asks to see them.

import { Problem, ask, wasCancelled } from "../api.js";
import { useCallback, useEffect, useRef, useState } from "../frame.js";
import { filtersOf } from "../pure/named_runs.js";
import { Overlays } from "../pure/overlays.js";
import { askRows } from "./rows.js";

/** @typedef {import("../pure/overlays.js").Row} Row */

const FIRST = 100;
const PAGE = 1_000;
const MOST = 20_000;
const DRAW_MS = 100;
const EMPTY_MS = 3_000;
const CHANGED_MS = [700, 3_000];
const MOST_FIELDS = 500; // in one answer

/**
 * @param {{ filter: string, sort: string, fields: string[] | null, visible: string[] }} asked
 *   fields null: they are not known yet
 */
export function useRuns({ filter, sort, fields, visible }) {
  const [rows, setRows] = useState(/** @type {Row[]} */ ([]));
  const [count, setCount] = useState(/** @type {number | null} */ (null));
  const [problem, setProblem] = useState(/** @type {Problem | null} */ (null));
  const [isLoading, setLoading] = useState(true);
  const [fresh, setFresh] = useState(0);
  const [turn, setTurn] = useState(0);
  const shown = useRef(/** @type {Map<string, Row>} */ (new Map()));
  const [overlays] = useState(() => new Overlays());
  const inView = useRef(/** @type {Set<string>} */ (new Set()));
  inView.current = new Set(visible);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const key = JSON.stringify([filter, sort, fields]);

  useEffect(() => {
    if (fields === null) return;
    const stop = new AbortController();
    setLoading(true);
    load(stop.signal).catch((error) => {
      if (wasCancelled(error)) return;
      setProblem(problemOf(error));
      setLoading(false);
    });
    return () => stop.abort();

    /** @param {AbortSignal} signal */
    async function load(signal) {
      /** @type {Row[]} */
      let all = [];
      let cursor = /** @type {string | null} */ (null);
      const query = { filter: filter || null, sort, fields: withState(fields ?? []) };
      do {
        const askedAt = Date.now();
        const answer = /** @type {Awaited<ReturnType<typeof askRows>>} */ (await askRows({ ...query, cursor, limit: cursor ? PAGE : FIRST }, signal));
        settle(answer.rows, askedAt);
        all = all.concat(answer.rows);
        cursor = answer.next;
        const isFirst = all.length === answer.rows.length;
        setRows(all.map((row) => overlays.over(row)));
        setCount(answer.count);
        if (isFirst) {
          setProblem(null);
          setFresh(0);
          setLoading(false);
        }
      } while (cursor && all.length < MOST);
    }
  }, [key, turn]);

  /** @param {Row[]} found @param {number} askedAt */
  function settle(found, askedAt) {
    const prefixes = found.map(({ prefix }) => prefix);
    overlays.settle(prefixes, askedAt, inView.current);
  }

  shown.current = new Map(rows.map((row) => [row.prefix, row]));

  /** @type {(prefixes: string[]) => Promise<void>} */
  const refresh = useCallback(
    async (prefixes) => {
      if (!fields?.length) return;
      for (const among of filtersOf(prefixes.filter((prefix) => shown.current.has(prefix)))) {
        const askedAt = Date.now();
        const found = await askRows({ filter: among.filter, fields: withState(fields), limit: among.count });
        settle(found.rows, askedAt);
        const now = new Map(found.rows.map((row) => [row.prefix, row]));
        setRows((before) => before.map((row) => (now.has(row.prefix) ? overlays.over(/** @type {Row} */ (now.get(row.prefix))) : row)));
      }
    },
    [JSON.stringify(fields)],
  );

  const drawing = useRef(/** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined));
  /** @type {(prefix: string, values: Record<string, unknown>) => void} */
  const told = useCallback((prefix, values) => {
    overlays.tell(prefix, values, Date.now());
    drawing.current ??= setTimeout(() => {
      drawing.current = undefined;
      setRows((before) => before.map((row) => overlays.over(row)));
    }, DRAW_MS);
  }, []);

  const recount = useCallback(async () => {
    const answer = await ask("v1/experiments", { filter: filter || null, fields: ["prefix"], limit: 0 });
    setFresh(Math.max(0, answer.count - (count ?? 0)));
  }, [filter, count]);

  useEffect(() => {
    if (count !== 0 || isLoading) return;
    const timer = setInterval(reload, EMPTY_MS); // nothing is known yet that one could listen to
    return () => clearInterval(timer);
  }, [count, isLoading, reload]);

  const latest = useRef(refresh);
  latest.current = refresh;
  /** @type {(prefixes: string[]) => void} */
  const changed = useCallback((prefixes) => {
    // Most are heard of by the stream; those out of view are not, and the index has them some tenths of a second later.
    for (const pause of CHANGED_MS) setTimeout(() => latest.current(prefixes).catch((error) => setProblem(problemOf(error))), pause);
  }, []);

  return { rows, count, problem, isLoading, fresh, reload, refresh, recount, told, changed, isCut: rows.length >= MOST };
}

/** @param {string[]} fields @returns {string[]} and what every row shows beside its name */
function withState(fields) {
  return [...new Set([...fields.slice(0, MOST_FIELDS - 1), "archived"])];
}

/** @param {unknown} error */
function problemOf(error) {
  return error instanceof Problem ? error : new Problem({ detail: String(error) });
}
