// What a card is drawn of: asked for when the card is in view, and again when new points have come.

import { view } from "../address.js";
import { Problem, wasCancelled } from "../api.js";
import { useEffect, useRef, useState } from "../frame.js";
import { listen } from "../live.js";
import { oneAtATime } from "../pure/one_at_a_time.js";

const AGAIN_MS = 500; // between two looks for new points
const RETRY_MS = 3_000; // after one that the API could not answer

/**
 * @template [A=import("../views/grid_data.js").Answer]
 * @typedef {object} Source     where a card's data come from
 * @property {string} key       of what is asked
 * @property {string} x         what x is
 * @property {boolean} isTime   whether x is a moment, in seconds since 1970
 * @property {(how: { from: number | null, to: number | null, width: number, halfLife: number }, signal: AbortSignal) => Promise<A>} ask
 * @property {{ prefixes: string[], kinds: string[], metrics?: string[] }} want  what tells of new points
 * @property {(told: any) => boolean} isOf  whether an event tells of them
 * @property {import("../pure/grouping.js").Way | null} [way]  how lines are made of groups of runs
 * @property {boolean} [isTrack]  whether x is the one time that is pointed at (moment.js)
 */

/**
 * The newest answer for what is asked. New points make it ask again, behind the request that is under way: cut off by each
 * point that comes, a card of many runs would never be drawn.
 * @template [A=import("../views/grid_data.js").Answer]
 * @param {Source<A>} source @param {boolean} isInView @param {{ current: HTMLElement | null }} canvas
 */
export function useAnswer(source, isInView, canvas) {
  const { from, to, smooth } = view.value;
  const [answer, setAnswer] = useState(/** @type {A | null} */ (null));
  const [failed, setFailed] = useState("");
  const shownKey = useRef("");
  const look = useRef(async () => {});
  const key = JSON.stringify([source.key, from, to, smooth]);

  useEffect(() => {
    if (!isInView) return;
    const stop = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let retrying;
    look.current = oneAtATime(async () => {
      if (stop.signal.aborted) return;
      const width = canvas.current?.clientWidth ?? 600;
      try {
        const found = await source.ask({ from, to, width: Math.round(width * devicePixelRatio), halfLife: smooth }, stop.signal);
        if (stop.signal.aborted) return;
        shownKey.current = key;
        setAnswer(found);
        setFailed("");
      } catch (error) {
        if (stop.signal.aborted || wasCancelled(error)) return;
        setFailed(error instanceof Error ? error.message : String(error));
        clearTimeout(retrying);
        if (!(error instanceof Problem) || error.status === 0 || error.status >= 500) retrying = setTimeout(look.current, RETRY_MS);
      }
    });
    look.current();
    return () => {
      clearTimeout(retrying);
      stop.abort();
    };
  }, [key, isInView]);

  useEffect(() => {
    if (!isInView) return;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    let before = 0;
    const hear = (/** @type {string} */ event, /** @type {any} */ told) => {
      if (!(event === "gap" && !told.kind) && !source.isOf(told)) return;
      if (timer) return;
      timer = setTimeout(() => {
        timer = undefined;
        before = performance.now();
        look.current();
      }, Math.max(0, before + AGAIN_MS - performance.now()));
    };
    // What came between the first look and the stream's beginning, or before it broke off, is told by none of its events.
    let isHeard = false;
    const renewed = () => {
      if (!isHeard) look.current();
      isHeard = true;
    };
    const stop = listen({ ...source.want, hear, renewed });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [JSON.stringify(source.want), isInView]);

  return { answer, failed, stale: shownKey.current !== key }; // with the choice itself, not behind the next frame
}
