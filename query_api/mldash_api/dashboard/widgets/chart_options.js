// What holds for all cards of a view: x, the kind of y, smoothing, which cards.

import { go, view } from "../address.js";
import { html, useEffect, useState } from "../frame.js";
import { patternOf } from "../pure/cards.js";
import { formatNumber } from "../pure/numbers.js";
import { FORMULA } from "../pure/smoothing.js";

const TOLD = `${FORMULA}; h is the half-life in units of x. New points never change the smoothed past.`;

/** @param {{ axes: string[] | null }} props  fields that x can be; null: it has no choice */
export function ChartOptions({ axes }) {
  const { x, log, smooth, find, from, to } = view.value;
  const [text, setText] = useState(find);
  useEffect(() => setText(find), [find]);
  const isWrong = text !== "" && patternOf(text) === null;
  const choices = axes && [...new Set(["index", "time", ...axes, x])];
  return html`
    <div class="options" role="toolbar" aria-label="Of all charts">
      <input type="search" data-search aria-label="Find charts" placeholder="find charts: loss|acc" value=${text} spellcheck=${false} aria-invalid=${isWrong}
        title="A regular expression over name and field" onInput=${(/** @type {any} */ { target }) => {
          setText(target.value);
          if (target.value === "" || patternOf(target.value)) go({ find: target.value }, { replace: true });
        }} />
      ${choices && html`<label>x <select value=${x} onChange=${(/** @type {any} */ { target }) => go({ x: target.value, from: null, to: null, smooth: 0 })}>
        ${choices.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>`}
      <label><input type="checkbox" checked=${log} onChange=${() => go({ log: !log })} /> log y</label>
      <label title=${TOLD}>smooth, half-life <input type="number" class="short" min="0" step="any" value=${smooth || ""} placeholder="off"
        onChange=${(/** @type {any} */ { target }) => go({ smooth: Math.max(0, Number(target.value) || 0) })} /></label>
      ${smooth > 0 && html`<span class="formula">${TOLD}</span>`}
      ${(from !== null || to !== null) && html`
        <span class="zoomed">${x === "time" ? "a part" : `${formatNumber(from ?? 0)} … ${formatNumber(to ?? Infinity)}`}</span>
        <button type="button" class="button" onClick=${() => go({ from: null, to: null })}>Whole run</button>`}
    </div>
  `;
}
