// The lines of a run's log: how many pass the filter, those that were looked at, and those that come.

import { ask, wasCancelled } from "../api.js";
import { useCallback, useEffect, useRef, useState } from "../frame.js";
import { listen } from "../live.js";
import { holds } from "../pure/hits.js";
import { LogPlaces } from "../pure/log_places.js";
import { oneAtATime } from "../pure/one_at_a_time.js";
import { countBy } from "../pure/windows.js";

export const PAGE = 200;

/**
 * @param {string} prefix @param {string[]} level @param {string} find
 * @returns {{ lines: Map<number, any>, count: number | null, problem: unknown, need: (pages: number[]) => void, again: () => void }}
 *   lines by their places, those that have come; count null: not known yet
 */
export function useLines(prefix, level, find) {
  const [count, setCount] = useState(/** @type {number | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  const [, draw] = useState(0);
  const lines = useRef(/** @type {Map<number, any>} */ (new Map()));
  const asked = useRef(/** @type {Set<number>} */ (new Set()));
  const query = { prefix, level, search: find || null };
  const key = JSON.stringify([query, turn]);
  const again = useCallback(() => setTurn((before) => before + 1), []);

  useEffect(() => {
    setCount(null);
    setProblem(null);
    lines.current = new Map();
    asked.current = new Set();
    return follow(query, { lines: lines.current, pages: asked.current, setCount, setProblem, again });
  }, [key]);

  const need = useCallback(
    (/** @type {number[]} */ pages) => {
      for (const page of pages) {
        if (asked.current.has(page)) continue;
        asked.current.add(page);
        const kept = lines.current;
        ask("v1/logs/lines", { ...query, offset: page * PAGE, limit: PAGE }).then(
          (answer) => {
            answer.lines.forEach((/** @type {any} */ line, /** @type {number} */ at) => kept.set(page * PAGE + at, line));
            draw((before) => before + 1);
          },
          () => asked.current.delete(page), // asked for again when it is looked at again
        );
      }
    },
    [key],
  );

  return { lines: lines.current, count, problem, need, again };
}

/**
 * Listens, then counts, and counts again whenever the stream says that from there on it tells all: whatever comes in between
 * is in one of the two.
 * @param {{ prefix: string, level: string[], search: string | null }} query
 * @param {{ lines: Map<number, any>, pages: Set<number>, setCount: (count: number) => void,
 *           setProblem: (problem: unknown) => void, again: () => void }} into
 * @returns {() => void} stops it
 */
function follow(query, { lines, pages, setCount, setProblem, again }) {
  const { prefix, level, search } = query;
  const stop = new AbortController();
  const places = new LogPlaces(level.length === 0 && search === null);
  let isCounted = false;

  /** @param {ReturnType<LogPlaces["heard"]>} found */
  const take = ({ placed, forgotten }) => {
    if (forgotten !== null) {
      for (const page of pages) if (page >= Math.floor(forgotten / PAGE)) pages.delete(page);
      for (const place of lines.keys()) if (place >= forgotten) lines.delete(place);
    }
    for (const [place, line] of placed) lines.set(place, line);
    if (isCounted) setCount(places.total);
  };

  const recount = oneAtATime(async () => {
    if (stop.signal.aborted) return;
    let last = /** @type {number | null} */ (null);
    const has = async (/** @type {number} */ offset) => {
      const [line] = (await ask("v1/logs/lines", { ...query, offset, limit: 1 }, stop.signal)).lines;
      if (line) last = Math.max(last ?? 0, line.sequenceNumber);
      return line !== undefined;
    };
    places.count();
    try {
      const found = await countBy(has, places.total);
      isCounted = true;
      take(places.counted(found, last));
      setProblem(null);
    } catch (error) {
      if (wasCancelled(error)) return;
      if (isCounted) take(places.uncounted()); // it is counted again when the stream is there again
      else setProblem(error);
    }
  });

  /** @param {any} line */
  const passes = (line) => (level.length === 0 || level.includes(line.level)) && (search === null || holds(line.message, search));

  const unheard = listen({
    prefixes: [prefix],
    kinds: ["lines"],
    renewed: recount,
    hear: (event, told) => {
      if (event === "lines") take(places.heard(told.lines.filter(passes)));
      else if (event === "gap" && (told.kind ?? "logs") === "logs") {
        if (told.reason === "deleted" || told.reason === "expired") again(); // places begin elsewhere
        else recount();
      }
    },
  });
  recount();
  return () => {
    stop.abort();
    unheard();
  };
}
