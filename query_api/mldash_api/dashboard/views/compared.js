// What is known of some runs side by side: parameters, context, and which metrics have which fields.

import { ask, askExact, wasCancelled } from "../api.js";
import { useCallback, useEffect, useRef, useState } from "../frame.js";
import { listen } from "../live.js";

const AGAIN_MS = 1_000;
const TRIES = 5;

/**
 * @param {string[]} prefixes at most 100
 * @param {{ isExact?: boolean, everything?: boolean }} [how]  isExact: whole numbers with all their digits; everything: rows in
 *   which all agree, too
 * @returns {{ found: any, problem: unknown, again: () => void }} found null: not known yet
 */
export function useCompared(prefixes, { isExact = false, everything = true } = {}) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const isAsking = useRef(false);
  const key = JSON.stringify([prefixes, isExact, everything]);

  useEffect(() => {
    if (prefixes.length === 0) return;
    const stop = new AbortController();
    isAsking.current = true;
    (isExact ? askExact : ask)("v1/compare", { prefixes, everything, nonfinite: "string" }, stop.signal).then(
      (answer) => {
        setFound(answer);
        setProblem(null);
      },
      (error) => wasCancelled(error) || setProblem(error),
    ).finally(() => {
      if (!stop.signal.aborted) isAsking.current = false;
    });
    return () => stop.abort();
  }, [key, turn]);

  const heard = useRef(/** @type {Set<string>} */ (new Set()));
  const tries = useRef({ unknown: "", left: TRIES });
  useEffect(() => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const known = new Set((found?.statistics ?? []).map((/** @type {any} */ { metric, field }) => JSON.stringify([metric, field])));
    const unknown = new Set();
    const after = (/** @type {number} */ pause) => {
      timer ??= setTimeout(() => {
        timer = undefined; // where this request fails, the next event asks again
        if (isAsking.current) after(pause); // and none is cut off by the next
        else again();
      }, pause);
    };
    const hear = (/** @type {string} */ event, /** @type {any} */ told) => {
      if (found === null) return;
      if (event === "params") return after(AGAIN_MS);
      if (event !== "fields" || told.kind !== "metrics") return;
      for (const field of told.fields) if (!known.has(JSON.stringify([told.name, field]))) unknown.add(JSON.stringify([told.name, field]));
      look();
    };
    // A field that came just now has its statistics some seconds later; one of texts never has any.
    const look = () => {
      const text = [...unknown].sort().join();
      if (unknown.size === 0 || timer) return;
      if (tries.current.unknown !== text) tries.current = { unknown: text, left: TRIES };
      if (tries.current.left-- > 0) after(AGAIN_MS * 2 ** (TRIES - 1 - tries.current.left));
    };
    for (const one of heard.current) if (!known.has(one)) unknown.add(one);
    heard.current = unknown;
    if (found !== null) look();
    // Of many runs only what was there when the view was opened: to hear of new metrics is to hear of every point.
    const stop = listen({ prefixes, kinds: prefixes.length === 1 ? ["fields", "params"] : ["params"], hear });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [key, found]);

  return { found, problem, again };
}
