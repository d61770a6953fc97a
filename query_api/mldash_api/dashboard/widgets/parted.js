// Where two runs part in a card: from which x on the bands of their columns no longer meet.

import { view } from "../address.js";
import { ask, wasCancelled } from "../api.js";
import { html, useEffect, useRef, useState } from "../frame.js";
import { partingOf } from "../pure/parting.js";

const AGAIN_MS = 3_000; // of runs that go on

/** @typedef {import("../pure/parting.js").Parting} Parting */

/**
 * @param {import("../pure/cards.js").Card} card
 * @param {readonly string[]} chosen    two runs, or none
 * @param {boolean} isInView
 * @param {number | null} total         of points that are drawn: where it changes, one looks again; null: not known yet
 * @returns {Parting | null} null: nobody asks
 */
export function useParting({ metric, field }, chosen, isInView, total) {
  const { x, from, to } = view.value;
  const [parting, setParting] = useState(/** @type {Parting | null} */ (null));
  const [turn, setTurn] = useState(0);
  const askedFor = useRef(/** @type {number | null} */ (null));
  const bound = (/** @type {number | null} */ value) => (value !== null && x === "index" ? Math.round(value) : value);
  const query = {
    prefixes: chosen, field, x, start: bound(from), end: bound(to), nonfinite: "string",
    ...(metric === null ? { unnamed: true } : { name: metric }),
  };
  const key = JSON.stringify(query);
  const isAsked = isInView && chosen.length === 2 && total !== null;

  useEffect(() => setParting(null), [key]);
  useEffect(() => {
    if (!isAsked) return;
    const stop = new AbortController();
    askedFor.current = total;
    ask("v1/compare/parted", query, stop.signal).then(
      (answer) => setParting(partingOf(answer)),
      (error) => wasCancelled(error) || setParting({ x: null, above: null, problem: error instanceof Error ? error.message : String(error) }),
    );
    return () => stop.abort();
  }, [key, isAsked, turn]);
  useEffect(() => {
    if (!isAsked || total === askedFor.current) return;
    const timer = setTimeout(() => setTurn((before) => before + 1), AGAIN_MS);
    return () => clearTimeout(timer);
  }, [isAsked, total]);
  return chosen.length === 2 ? (parting ?? { x: null, above: null }) : null;
}

/** @param {{ words: string }} props */
export function PartedLine({ words }) {
  return html`<p class="parted-line" role="status"><svg viewBox="0 0 8 14" width="8" height="14" aria-hidden="true"><path d="M4 0V14" stroke-dasharray="3 2" /></svg>${words}</p>`;
}
