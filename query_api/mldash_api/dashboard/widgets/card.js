// A chart: one field of a metric, of one run or many. It asks for data when it is in view, for as many columns as it has
// pixels, and shows what it had until more has come.

import { go, view } from "../address.js";
import { html, useEffect, useMemo, useRef, useState } from "../frame.js";
import { moment, pointAt, pointBack } from "../moment.js";
import { theme } from "../theme.js";
import { titleOf } from "../pure/cards.js";
import { formulaOf } from "../pure/grouping.js";
import { linesOf, nearest } from "../pure/lines.js";
import { counted, formatNumber } from "../pure/numbers.js";
import { wordsOf } from "../pure/parting.js";
import { FENCE_FORMULA, outsideOf, rangeOf } from "../pure/scale.js";
import { FORMULA } from "../pure/smoothing.js";
import { useAnswer } from "./answer.js";
import { CardMenu } from "./card_menu.js";
import { CardTable } from "./card_table.js";
import { Legend } from "./legend.js";
import { PartedLine, useParting } from "./parted.js";
import { Plot } from "./plot.js";

/** @param {{ card: import("../pure/cards.js").Card, section: string, source: import("./answer.js").Source, parted: string[],
 *            pin?: { isPinned: boolean, toggle: () => void }, remove?: () => void }} props  without pin it has its one place,
 *   without remove it stays */
export function Card({ card, section, source, parted, pin, remove }) {
  const { from, to, log, smooth, cut } = view.value;
  const { x, isTime } = source;
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const canvas = useRef(/** @type {HTMLElement | null} */ (null));
  const plot = useRef(/** @type {Plot | null} */ (null));
  const isInView = useInView(root);
  const { answer, failed, stale } = useAnswer(source, isInView, canvas);
  const parting = useParting(card, parted, isInView, answer?.total ?? null);
  const [pointed, setPointed] = useState(/** @type {number | null} */ (null));
  const [isTable, setTable] = useState(false);
  const drawn = useMemo(() => answer && linesOf(answer, { isLog: log, halfLife: smooth }), [answer, log, smooth]);
  const title = titleOf(card);

  /** @param {number} low @param {number} high */
  const zoom = (low, high) => go({ from: x === "index" ? Math.max(0, Math.floor(low)) : low, to: x === "index" ? Math.ceil(high) : high });

  /** @param {number | null} index */
  const point = (index) => {
    setPointed(index);
    if (!source.isTrack || !drawn) return;
    if (index === null) pointBack();
    else pointAt(drawn.x[index], "chart");
  };

  const shown = /** @type {[number, number] | null} */ (from !== null && to !== null ? [from, to] : null);
  useEffect(() => {
    if (!isInView || !drawn || isTable || !canvas.current) return;
    const picture = { ...drawn, isLog: log, isCut: cut, isTime, shown, parted: parting?.x ?? null };
    const reports = { zoomed: zoom, whole: () => go({ from: null, to: null }), pointed: point };
    if (plot.current) plot.current.show(picture, reports);
    else plot.current = new Plot(canvas.current, picture, reports);
  }, [isInView, drawn, isTable, x, isTime, cut, from, to, parting?.x]);
  useEffect(() => {
    if (isInView && !isTable) return;
    plot.current?.destroy();
    plot.current = null;
  }, [isInView, isTable]);
  useEffect(() => () => plot.current?.destroy(), []);
  useEffect(() => plot.current?.again(), [theme.value]);
  const { time, by } = source.isTrack ? moment.value : { time: null, by: "chart" };
  useEffect(() => {
    if (by === "chart" || !answer || !drawn || drawn.x.length === 0) return;
    const isHere = time !== null && time >= answer.edges[0] && time <= answer.edges[answer.edges.length - 1];
    const at = isHere ? nearest(drawn.x, time) : null;
    setPointed(at);
    plot.current?.point(at);
  }, [time, by, drawn, isInView, isTable, theme.value]);

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).closest("button, input")) return;
    if (event.key === "p" && pin) {
      event.preventDefault();
      return pin.toggle();
    }
    if (!drawn) return;
    const last = drawn.x.length - 1;
    const at = pointed ?? last;
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: at - 1, ArrowRight: at + 1, PageUp: at - 20, PageDown: at + 20, Home: 0, End: last });
    if (event.key in steps) {
      const next = Math.max(0, Math.min(last, steps[event.key]));
      point(next);
      plot.current?.point(next);
    } else if (event.key === "t") setTable(!isTable);
    else if (event.key === "s") root.current?.querySelector(".menu")?.querySelector("button")?.click();
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
        <span class="told">${failed ? html`<span class="bad">${failed}</span>` : answer ? toldOf(answer, drawn, { isLog: log, isCut: cut }) : "…"}</span>
        ${pin && html`<button type="button" class="quiet" aria-pressed=${pin.isPinned} title="Before all others (p)" aria-label=${`Pin ${title}`} onClick=${pin.toggle}>
          <svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M5 1.5h4l-.4 4.2 2.2 2.1v.9H3.2v-.9l2.2-2.1zM7 8.7v4" /></svg></button>`}
        <button type="button" class="quiet" aria-pressed=${isTable} title="The values as a table (t)" aria-label=${`Values of ${title} as a table`}
          onClick=${() => setTable(!isTable)}><svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M1.5 2.5h11v9h-11zM1.5 5.5h11M1.5 8.5h11M5.5 2.5v9" /></svg></button>
        ${remove && html`<button type="button" class="quiet" title="Take the chart away" aria-label=${`Remove ${title}`} onClick=${remove}>
          <svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M3 3l8 8M11 3l-8 8" /></svg></button>`}
        ${answer && drawn && html`<${CardMenu} title=${title} shown=${stale ? null : fileOf(answer, drawn)} />`}
      </figcaption>
      ${isTable && drawn ? html`<${CardTable} drawn=${drawn} isTime=${isTime} title=${title} />` : html`<div class="plot" ref=${canvas}></div>`}
      ${parting && html`<${PartedLine} words=${wordsOf(parting, parted, isTime)} />`}
      ${drawn && html`<${Legend} drawn=${drawn} at=${pointed} isTime=${isTime} />`}
    </figure>
  `;

  /** @param {import("../views/grid_data.js").Answer} answer @param {NonNullable<typeof drawn>} drawn */
  function fileOf(answer, drawn) {
    const notes = [
      ...(source.way ? [formulaOf(source.way)] : []),
      ...(cut ? [FENCE_FORMULA] : []),
      ...(smooth > 0 ? [`smoothed, half-life h = ${smooth}: ${FORMULA}`] : []),
      ...(parting ? [wordsOf(parting, parted, isTime)] : []),
    ];
    const picture = { title: `${section} · ${title}`, told: toldOf(answer, drawn, { isLog: log, isCut: cut }), notes, ...drawn, isLog: log, isCut: cut, isTime, shown, parted: parting?.x ?? null };
    return { card, x, halfLife: smooth, shown, way: source.way ?? null, answer, picture };
  }
}

/**
 * @param {import("../views/grid_data.js").Answer} answer
 * @param {{ x: number[], lines: import("../pure/lines.js").Line[] } | null} drawn
 * @param {{ isLog: boolean, isCut: boolean }} how
 */
function toldOf({ total, isFine, edges, isSampled }, drawn, { isLog, isCut }) {
  if (total === 0) return "no points here";
  const { x, lines } = drawn ?? { x: [], lines: [] };
  const points = isFine ? counted(total, "point") : `${counted(total, "point")} in ${formatNumber(edges.length - 1)} columns`;
  const gaps = lines.some(({ missing }) => missing.length > 0) ? ", × no number" : "";
  const beyond = lines.some(({ below }) => below.length > 0) ? ", ▾ not above 0" : "";
  const infinite = lines.some((line) => line.beyond.length > 0) ? ", ▴ infinite" : "";
  const range = isCut ? rangeOf(lines, isLog, isCut) : null;
  const outside = range ? lines.map((line) => outsideOf(x, line, range)).reduce((sum, { over, under }) => sum + over.length + under.length, 0) : 0;
  const cut = outside > 0 ? `, △ ${formatNumber(outside)} out of the scale` : "";
  return points + (isSampled ? ", sampled" : "") + gaps + beyond + infinite + cut;
}

/** @param {{ current: HTMLElement | null }} root */
export function useInView(root) {
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
