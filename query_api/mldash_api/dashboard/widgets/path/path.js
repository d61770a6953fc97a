// The path of a track in space, of several tracks and runs together, with a slider of time that moves the charts too.

import { go, view } from "../../address.js";
import { html, useEffect, useMemo, useRef, useState } from "../../frame.js";
import { moment, pointAt, pointBack } from "../../moment.js";
import { theme } from "../../theme.js";
import { colourOf } from "../../pure/colours.js";
import { nearest } from "../../pure/lines.js";
import { formatNumber } from "../../pure/numbers.js";
import { ABOVE, START, formatEye, moved, parseEye, turned, zoomed } from "../../pure/orbit.js";
import { boxOf, timesIn, tintRange } from "../../pure/path.js";
import { entriesIn, explained, shortNames, toldOf, wordsOf } from "../../pure/path_words.js";
import { TIME, bodyAxes } from "../../pure/pose_fields.js";
import { formatMoment } from "../../pure/times.js";
import { pathSource, usePoses } from "../../views/path_data.js";
import { useAnswer } from "../answer.js";
import { useInView } from "../card.js";
import { Swatch } from "../swatch.js";
import { PathScene } from "./scene.js";

const ABSOLUTE = 1e8; // as of charts: later times are moments
const STEP = 6; // degrees a key
const MOVE = 0.05; // of the picture, a key
const NEARER = 1.25;

/**
 * @typedef {import("../../pure/orbit.js").Eye} Eye
 * @param {{ asked: import("../../views/path_data.js").Asked, names: string[], tintName: string }} props
 */
export function Path({ asked, names, tintName }) {
  const figure = useRef(/** @type {HTMLElement | null} */ (null));
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const scene = useRef(/** @type {PathScene | null} */ (null));
  const start = asked.position.length === 2 ? ABOVE : START;
  const eye = useRef(/** @type {Eye} */ (parseEye(view.value.eye, start)));
  const [isFlat, setFlat] = useState(false);
  const { fitted, at } = view.value;
  const { answer: paths, failed, stale } = useAnswer(pathSource(asked), useInView(figure), root);
  const times = useMemo(() => timesIn(paths ?? []), [paths]);
  const time = moment.value.time ?? times.at(-1) ?? null;
  const poses = usePoses(asked, time);
  const box = useMemo(() => paths && boxOf(paths, fitted), [paths, fitted]);
  const range = useMemo(() => tintRange(paths ?? []), [paths]);
  const isMoment = (times[0] ?? 0) > ABSOLUTE;
  const told = (/** @type {number} */ seconds) => (isMoment ? formatMoment(seconds) : `${formatNumber(seconds)} s`);
  const texts = shortNames(asked.drawn);

  useEffect(() => {
    if (!root.current) return;
    scene.current = new PathScene(root.current, eye.current, setFlat);
    return () => scene.current?.destroy();
  }, []);
  useEffect(() => {
    eye.current = parseEye(view.value.eye, start);
    scene.current?.look(eye.current);
  }, [view.value.eye, start]);
  useEffect(() => {
    if (!paths) return;
    scene.current?.show(box && { paths, box, range, names, colours: paths.map(inkOf), texts: namesOf(paths) });
  }, [paths, box, theme.value]); // names that were chosen since are those of the paths that come
  useEffect(() => {
    scene.current?.point(asked.drawn.flatMap((one, which) => {
      const pose = poses[which];
      if (!pose?.position.every(Number.isFinite)) return [];
      return [{ colour: inkOf(one), text: namesOf(asked.drawn)[which], position: pose.position, axes: fitted ? null : bodyAxes(pose.rotation) }];
    }));
  }, [poses, fitted, theme.value]);
  useEffect(() => pointBack, []);
  useEffect(pointBack, [at]);

  const settle = () => go({ eye: formatEye(eye.current, start) }, { replace: true });
  useEffect(() => scene.current?.hear({ looked: (next) => (eye.current = next), settled: settle }), [start]);

  /** @param {Eye} next */
  const look = (next) => {
    eye.current = next;
    scene.current?.look(next);
    settle();
  };

  /** @param {number} to @param {boolean} isKept  whether it stays in the address */
  const pointTo = (to, isKept) => {
    pointAt(to, "path");
    if (isKept) go({ at: to }, { replace: true });
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).closest("button, input, select, summary")) return;
    const arrows = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] });
    const steps = /** @type {Record<string, number>} */ ({ ",": -1, ".": 1 });
    if (event.key in arrows) {
      const [right, up] = arrows[event.key];
      look(event.shiftKey ? moved(eye.current, right * MOVE, up * MOVE) : turned(eye.current, right * STEP, up * STEP));
    } else if (event.key in steps && time !== null && times.length > 0) {
      pointTo(times[Math.max(0, Math.min(times.length - 1, nearest(times, time) + steps[event.key]))], true);
    } else if (event.key === "+" || event.key === "-") look(zoomed(eye.current, event.key === "+" ? NEARER : 1 / NEARER));
    else if (event.key === "0") look(start);
    else return;
    event.preventDefault();
  };

  return html`
    <figure class="card path" ref=${figure} tabindex="0" aria-label=${`Path of ${asked.drawn[0].topic}`} data-stale=${stale} data-points=${entriesIn(paths ?? [])} onKeyDown=${onKey}>
      <figcaption>
        <b>${names.join(", ")}</b>
        <span class="told">${failed ? html`<span class="bad">${failed}</span>` : paths ? toldOf(paths, asked.columns, isFlat) : "…"}</span>
        <span class="eyes">
          <button type="button" class="quiet" aria-label="Nearer" title="Nearer (+)" onClick=${() => look(zoomed(eye.current, NEARER))}>+</button>
          <button type="button" class="quiet" aria-label="Further away" title="Further away (−)" onClick=${() => look(zoomed(eye.current, 1 / NEARER))}>−</button>
          <button type="button" class="quiet" aria-label="As it begins" title="As it begins (0)" onClick=${() => look(start)}>
            <svg class="stroked" viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M2.5 7a4.5 4.5 0 1 0 1.4-3.3M3.6 1.2v2.7h2.7" /></svg></button>
        </span>
      </figcaption>
      ${paths && !box && html`<p class="dim others">No entry here has a position.</p>`}
      <div class="scene" ref=${root}></div>
      ${tintName && range && html`<p class="scale dim"><span>${tintName === TIME ? "time" : tintName}</span><span>${tintName === TIME ? told(range[0]) : formatNumber(range[0])}</span>
        <span class="colours" aria-hidden="true"></span><span>${tintName === TIME ? told(range[1]) : formatNumber(range[1])}</span></p>`}
      ${time !== null && times.length > 0 && html`
        <label class="slider"><span>${told(time)}</span>
          <input type="range" aria-label="Time" aria-valuetext=${told(time)} min=${times[0]} max=${times.at(-1)} step="any" value=${time}
            onInput=${(/** @type {any} */ { target }) => pointTo(Number(target.value), false)} onChange=${(/** @type {any} */ { target }) => pointTo(Number(target.value), true)} />
        </label>
        <ul class="poses" aria-live="polite">
          ${asked.drawn.map((one, which) => html`<li key=${JSON.stringify(one)}><${Swatch} prefix=${one.prefix} /><span class="run" title=${one.prefix}>${texts[which]}</span>
            <b>${wordsOf(poses[which], names, tintName)}</b></li>`)}
        </ul>`}
      <details class="what"><summary>What is drawn</summary><p>${explained(asked.numbers)}</p></details>
    </figure>
  `;
}

/** In the picture, where one needs no name. @param {{ prefix: string, topic: string }[]} drawn */
function namesOf(drawn) {
  return drawn.length === 1 ? [""] : shortNames(drawn);
}

/** @param {{ prefix: string }} drawn */
function inkOf({ prefix }) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--run-${colourOf(prefix)}`).trim();
}
