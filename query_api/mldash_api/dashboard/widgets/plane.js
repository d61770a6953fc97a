// Parameters against results of the runs that are drawn: of two axes a scatter, of more parallel coordinates.

import { go, view } from "../address.js";
import { html, useEffect, useMemo, useRef, useState } from "../frame.js";
import { colourOf } from "../pure/colours.js";
import { fieldsOf } from "../pure/comparison.js";
import { counted } from "../pure/numbers.js";
import { namesOf } from "../pure/parting.js";
import { axisName, axisOf, choicesOf, orderOf } from "../pure/plane.js";
import { Swatch } from "./swatch.js";

const HEIGHT = 300;
const AREA = { left: 74, right: 16, top: 30, bottom: 34 };
const SHOWN = 200;
const MOST_TEXT = 80; // pixels of a tick's text

/** @typedef {import("../pure/plane.js").Axis} Axis */

/** What the axes are. @param {{ compared: any }} props */
export function PlaneChoice({ compared }) {
  const [part, setPart] = useState("");
  const { axes } = view.value;
  const names = useMemo(() => choicesOf(fieldsOf(compared).fields).map(axisName), [compared]);
  const words = part.toLowerCase().split(/\s+/);
  const found = [...new Set([...axes, ...names])].filter((name) => words.every((word) => name.toLowerCase().includes(word)));
  const toggle = (/** @type {string} */ name) => go({ axes: axes.includes(name) ? axes.filter((one) => one !== name) : [...axes, name] });
  return html`
    <input type="search" aria-label="Part of an axis' name" placeholder="part of a name" value=${part} spellcheck=${false} onInput=${(/** @type {any} */ { target }) => setPart(target.value)} />
    <ul class="choice">${found.slice(0, SHOWN).map((name) => html`<li key=${name}><label><input type="checkbox" checked=${axes.includes(name)} onChange=${() => toggle(name)} /><span>${name}</span></label></li>`)}</ul>
    <p class="foot">Two are a scatter, more are parallel coordinates, in the order in which they are chosen.
      ${axes.length > 0 && html`<button type="button" class="link" onClick=${() => go({ axes: [] })}>none</button>`}</p>
  `;
}

/** @param {{ compared: any }} props */
export function Plane({ compared }) {
  const { axes: chosen } = view.value;
  const { prefixes, fields } = useMemo(() => fieldsOf(compared), [compared]);
  const axes = chosen.flatMap((name) => fields.filter((field) => axisName(field) === name).slice(0, 1).map(axisOf));
  if (axes.length < 2) return html`<p class="dim plane-none">${chosen.length < 2 ? "One more axis is needed." : "These runs have fewer than two of these axes."}</p>`;
  return html`<section class="section" aria-label="Parameters against results"><${Figure} axes=${axes} prefixes=${prefixes} /></section>`;
}

/** It is there from its first to its last look, so that its width is watched all the while. @param {{ axes: Axis[], prefixes: string[] }} props */
function Figure({ axes, prefixes }) {
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const [isTable, setTable] = useState(false);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  const width = useWidth(root);
  const order = orderOf(axes);
  const names = namesOf(prefixes);
  const pointed = at === null ? null : (order[at] ?? null);
  const title = axes.map((axis) => axis.title).join(axes.length === 2 ? " against " : ", ");

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /** @type {HTMLElement} */ (event.target).closest("button, a")) return;
    const last = order.length - 1;
    const steps = /** @type {Record<string, number>} */ ({ ArrowLeft: (at ?? order.length) - 1, ArrowRight: (at ?? -1) + 1, Home: 0, End: last });
    if (event.key in steps) setAt(Math.max(0, Math.min(last, steps[event.key])));
    else if (event.key === "t") setTable(!isTable);
    else return;
    event.preventDefault();
  };

  return html`
    <figure class="card plane" ref=${root} tabindex="0" aria-label=${title} data-runs=${order.length} onKeyDown=${onKey}>
      <figcaption><b>${title}</b>
        <span class="told">${counted(order.length, "run")}${order.length < prefixes.length ? `, ${prefixes.length - order.length} without a place` : ""}</span>
        <button type="button" class="quiet" aria-pressed=${isTable} title="The values as a table (t)" aria-label="Values of the runs as a table" onClick=${() => setTable(!isTable)}>
          <svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M1.5 2.5h11v9h-11zM1.5 5.5h11M1.5 8.5h11M5.5 2.5v9" /></svg></button>
      </figcaption>
      ${isTable ? html`<${Values} axes=${axes} prefixes=${prefixes} names=${names} />` : html`
        <svg class="picture" viewBox=${`0 0 ${width} ${HEIGHT}`} aria-hidden="true" data-pointed=${pointed !== null} onPointerLeave=${() => setAt(null)}>
          ${axes.length === 2 && html`<${Scatter} axes=${axes} width=${width} />`}
          ${order.map((run, index) => html`<g key=${prefixes[run]} class="of-run" data-colour=${colourOf(prefixes[run])} data-here=${run === pointed} onPointerEnter=${() => setAt(index)}>
            ${axes.length === 2 ? html`<${Dot} axes=${axes} run=${run} width=${width} />` : html`<path d=${lineOf(axes, run, width)} />`}</g>`)}
          ${axes.length > 2 && html`<${Coordinates} axes=${axes} width=${width} />`}
        </svg>`}
      <p class="legend" aria-live="polite">${pointed === null ? html`<span class="place">Arrow keys go from run to run.</span>` : html`
        <span class="one"><${Swatch} prefix=${prefixes[pointed]} /><b title=${prefixes[pointed]}>${names[pointed]}</b></span>
        ${axes.map((axis) => html`<span class="one" key=${axis.name}>${axis.title} <b>${axis.texts[pointed]}</b></span>`)}`}</p>
    </figure>
  `;
}

/** @param {{ axes: Axis[], prefixes: string[], names: string[] }} props */
function Values({ axes, prefixes, names }) {
  return html`
    <div class="values" tabindex="0" role="region" aria-label="Values of the runs"><table>
      <thead><tr><th scope="col">run</th>${axes.map(({ name, title }) => html`<th scope="col" key=${name}>${title}</th>`)}</tr></thead>
      <tbody>${prefixes.map((prefix, run) => html`<tr key=${prefix}><th scope="row" title=${prefix}>${names[run]}</th>${axes.map(({ name, texts }) => html`<td key=${name}>${texts[run]}</td>`)}</tr>`)}</tbody>
    </table></div>`;
}

/** In pixels, so that texts are as large as others. @param {{ current: HTMLElement | null }} root */
function useWidth(root) {
  const [width, setWidth] = useState(960);
  useEffect(() => {
    const sizes = new ResizeObserver(([{ contentRect }]) => setWidth(Math.max(240, Math.round(contentRect.width))));
    if (root.current) sizes.observe(root.current);
    return () => sizes.disconnect();
  }, []);
  return width;
}

/** Axes with their ticks. @param {{ axes: Axis[], width: number }} props */
function Scatter({ axes: [across, up], width }) {
  const [right, bottom] = [width - AREA.right, HEIGHT - AREA.bottom];
  const acrossAt = (/** @type {number} */ place) => pixelOf(place, width);
  const some = across.ticks.filter((_, at) => at % Math.ceil((across.ticks.length * MOST_TEXT) / width) === 0);
  return html`
    <g class="axes">
      <path d=${`M${AREA.left} ${AREA.top}V${bottom}H${right}`} />
      ${some.map(({ at, text }) => html`<path d=${`M${acrossAt(at)} ${AREA.top}V${bottom + 4}`} /><text x=${acrossAt(at)} y=${bottom + 17} text-anchor="middle">${text}</text>`)}
      ${up.ticks.map(({ at, text }) => html`<path d=${`M${AREA.left - 4} ${upAt(at)}H${right}`} /><text x=${AREA.left - 8} y=${upAt(at) + 4} text-anchor="end">${text}</text>`)}
      <text x=${right} y=${HEIGHT - 3} text-anchor="end" class="title">${titleOf(across)}</text><text x=${AREA.left} y="14" class="title">${titleOf(up)}</text>
    </g>`;
}

/** @param {{ axes: Axis[], run: number, width: number }} props */
function Dot({ axes: [across, up], run, width }) {
  return html`<circle cx=${pixelOf(across.places[run] ?? 0, width)} cy=${upAt(up.places[run] ?? 0)} r="5" />`;
}

/** @param {{ axes: Axis[], width: number }} props */
function Coordinates({ axes, width }) {
  return html`<g class="axes">${axes.map((axis, index) => {
    const x = pixelOf(index / (axes.length - 1), width);
    const anchor = index === 0 ? "start" : index === axes.length - 1 ? "end" : "middle";
    return html`<path d=${`M${x} ${AREA.top}V${HEIGHT - AREA.bottom}`} /><text x=${x} y="16" text-anchor=${anchor} class="title">${titleOf(axis)}</text>
      ${axis.ticks.map(({ at, text }) => html`<path d=${`M${x - 4} ${upAt(at)}H${x}`} /><text x=${x - 7} y=${upAt(at) + 4} text-anchor="end">${text}</text>`)}`;
  })}</g>`;
}

/** Broken where it has no place. @param {Axis[]} axes @param {number} run @param {number} width */
function lineOf(axes, run, width) {
  let text = "";
  axes.forEach(({ places }, index) => {
    const place = places[run];
    if (place === null) return;
    const isOn = index > 0 && axes[index - 1].places[run] !== null;
    text += `${isOn ? "L" : "M"}${pixelOf(index / (axes.length - 1), width)} ${upAt(place)}`;
  });
  return text;
}

/** @param {Axis} axis */
function titleOf({ title, isLog }) {
  return isLog ? `${title} (log)` : title;
}

/** Across. @param {number} place @param {number} width */
function pixelOf(place, width) {
  return Math.round((AREA.left + place * (width - AREA.left - AREA.right)) * 100) / 100;
}

/** @param {number} place */
function upAt(place) {
  return Math.round((HEIGHT - AREA.bottom - place * (HEIGHT - AREA.top - AREA.bottom)) * 100) / 100;
}
