// A chart: one field of a metric, of one run or many. It asks for data when it is in view, for as many columns as it has
// pixels, and shows what it had until more has come.

import { go, view } from "../address.js";
import { Problem, wasCancelled } from "../api.js";
import { html, useEffect, useMemo, useRef, useState } from "../frame.js";
import { listen } from "../live.js";
import { theme } from "../theme.js";
import { titleOf } from "../pure/cards.js";
import { linesOf } from "../pure/lines.js";
import { counted, formatNumber } from "../pure/numbers.js";
import { oneAtATime } from "../pure/one_at_a_time.js";
import { askGrid } from "../views/grid_data.js";
import { CardTable } from "./card_table.js";
import { Legend } from "./legend.js";
import { Plot } from "./plot.js";

const AGAIN_MS = 500; // between two looks for new points
const RETRY_MS = 3_000; // after one that the API could not answer

/** @param {{ card: import("../pure/cards.js").Card, section: string, prefixes: string[] }} props */
export function Card({ card, section, prefixes }) {
  const { x, from, to, log, smooth } = view.value;
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const canvas = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {Plot | null} */ (null));
  const isInView = useInView(root);
  const { answer, failed, stale } = useAnswer(card, prefixes, isInView, canvas);
  const [pointed, setPointed] = useState(/** @type {number | null} */ (null));
  const [isTable, setTable] = useState(false);
  const drawn = useMemo(() => answer && linesOf(answer, { isLog: log, halfLife: smooth }), [answer, log, smooth]);
  const title = titleOf(card);

  /** @param {number} low @param {number} high */
  const zoom = (low, high) => go({ from: x === "index" ? Math.max(0, Math.floor(low)) : low, to: x === "index" ? Math.ceil(high) : high });

  useEffect(() => {
    if (!isInView || !drawn || isTable || !canvas.current) return;
    const shown = /** @type {[number, number] | null} */ (from !== null && to !== null ? [from, to] : null);
    const picture = { ...drawn, isLog: log, isTime: x === "time", shown };
    const reports = { zoomed: zoom, whole: () => go({ from: null, to: null }), pointed: setPointed };
    if (plot.current) plot.current.show(picture, reports);
    else plot.current = new Plot(canvas.current, picture, reports);
  }, [isInView, drawn, isTable, x, from, to]);
  useEffect(() => {
    if (isInView && !isTable) return;
    plot.current?.destroy();
    plot.current = null;
  }, [isInView, isTable]);
  useEffect(() => () => plot.current?.destroy(), []);
  useEffect(() => plot.current?.again(), [theme.value]);

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (!drawn || event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).closest("button, input")) return;
    const last = drawn.x.length - 1;
    const at = pointed ?? last;
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 20, PageDown: at + 20, Home: 0, End: last });
    if (event.key in steps) {
      const next = Math.max(0, Math.min(last, steps[event.key]));
      setPointed(next);
      plot.current?.point(next);
    } else if (event.key === "t") setTable(!isTable);
    else if (event.key === "0") go({ from: null, to: null });
    else if ((event.key === "+" || event.key === "-") && last > 0) {
      const [low, high] = [from ?? drawn.x[0], to ?? drawn.x[last]];
      const half = ((high - low) / 2) * (event.key === "+" ? 0.5 : 2);
      const middle = pointed === null ? (low + high) / 2 : drawn.x[at];
      zoom(middle - half, middle + half);
    } else return;
    event.preventDefault();
  };

  return html`
    <figure class="card" ref=${root} tabindex="0" aria-label=${`${section}, ${title}`} data-stale=${stale} data-points=${answer?.total ?? 0} onKeyDown=${onKey}>
      <figcaption>
        <b>${title}</b>
        <span class="told">${failed ? html`<span class="bad">${failed}</span>` : answer ? toldOf(answer, drawn?.lines ?? []) : "…"}</span>
        <button type="button" class="quiet" aria-pressed=${isTable} title="The values as a table (t)" aria-label=${`Values of ${title} as a table`}
          onClick=${() => setTable(!isTable)}><svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M1.5 2.5h11v9h-11zM1.5 5.5h11M1.5 8.5h11M5.5 2.5v9" /></svg></button>
      </figcaption>
      ${isTable && drawn ? html`<${CardTable} drawn=${drawn} isTime=${x === "time"} title=${title} />` : html`<div class="plot" ref=${canvas}></div>`}
      ${drawn && html`<${Legend} drawn=${drawn} at=${pointed} isTime=${x === "time"} />`}
    </figure>
  `;
}

/**
 * @param {import("../views/grid_data.js").Answer} answer
 * @param {import("../pure/lines.js").Line[]} lines
 */
function toldOf({ total, isFine, edges, isSampled }, lines) {
  if (total === 0) return "no points here";
  const points = isFine ? counted(total, "point") : `${counted(total, "point")} in ${formatNumber(edges.length - 1)} columns`;
  const gaps = lines.some(({ missing }) => missing.length > 0) ? ", × no number" : "";
  const beyond = lines.some(({ below }) => below.length > 0) ? ", ▾ not above 0" : "";
  const infinite = lines.some((line) => line.beyond.length > 0) ? ", ▴ infinite" : "";
  return points + (isSampled ? ", sampled" : "") + gaps + beyond + infinite;
}

/**
 * The newest answer for what is asked. New points make it ask again, behind the request that is under way: cut off by each
 * point that comes, a card of many runs would never be drawn.
 * @param {import("../pure/cards.js").Card} card @param {string[]} prefixes @param {boolean} isInView
 * @param {{ current: HTMLElement | null }} canvas
 */
function useAnswer(card, prefixes, isInView, canvas) {
  const { x, from, to, smooth } = view.value;
  const [answer, setAnswer] = useState(/** @type {import("../views/grid_data.js").Answer | null} */ (null));
  const [failed, setFailed] = useState("");
  const [stale, setStale] = useState(true);
  const shownKey = useRef("");
  const look = useRef(async () => {});
  const key = JSON.stringify([card, prefixes, x, from, to, smooth]);

  useEffect(() => {
    if (!isInView) return;
    const stop = new AbortController();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let retrying;
    if (shownKey.current !== key) setStale(true);
    look.current = oneAtATime(async () => {
      if (stop.signal.aborted) return;
      const width = canvas.current?.clientWidth ?? 600;
      try {
        const found = await askGrid(card, prefixes, { x, from, to, width: Math.round(width * devicePixelRatio), halfLife: smooth }, stop.signal);
        if (stop.signal.aborted) return;
        shownKey.current = key;
        setAnswer(found);
        setFailed("");
        setStale(false);
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
      const isOfAll = event === "gap" && !told.kind;
      const isOurs = (told.kind ?? "metrics") === "metrics" && (told.name ?? null) === card.metric;
      if (!(isOfAll || isOurs) || timer) return;
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
    const stop = listen({ prefixes, kinds: ["points"], metrics: [card.metric ?? ""], hear, renewed });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [JSON.stringify([card, prefixes]), isInView]);

  return { answer, failed, stale };
}

/** @param {{ current: HTMLElement | null }} root */
function useInView(root) {
  const [isInView, setInView] = useState(false);
  useEffect(() => {
    const seen = new IntersectionObserver((entries) => setInView(/** @type {IntersectionObserverEntry} */ (entries.at(-1)).isIntersecting), {
      rootMargin: "150px",
    });
    if (root.current) seen.observe(root.current);
    return () => seen.disconnect();
  }, []);
  return isInView;
}
