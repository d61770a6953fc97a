// What holds for all cards of a view: x, the kind of y, smoothing, which cards.

import { go, view } from "../address.js";
import { localFolder } from "../api.js";
import { html, useEffect, useState } from "../frame.js";
import { patternOf } from "../pure/cards.js";
import { WAYS, formulaOf, wayOf } from "../pure/grouping.js";
import { formatNumber } from "../pure/numbers.js";
import { FENCE_FORMULA } from "../pure/scale.js";
import { FORMULA } from "../pure/smoothing.js";
import { FieldMenu } from "./field_menu.js";
import { Later } from "./later.js";
import { Menu } from "./menu.js";

const MOST_GROUP_FIELDS = 4;
const NONE = /** @type {any[]} */ ([]);

const loadExpression = () => import("./new_expression.js").then(({ NewExpression }) => NewExpression);

const TOLD = `${FORMULA}; h is the half-life in units of x. New points never change the smoothed past.`;

/**
 * @param {{ axes: string[] | null, statistics?: any[], prefixes?: string[] }} props  axes: fields that x can be, null: it has no
 *   choice; statistics, prefixes: of metrics, none: of a track
 */
export function ChartOptions({ axes, statistics = NONE, prefixes = NONE }) {
  const { x, log, smooth, find, from, to, cut } = view.value;
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
      <label title=${FENCE_FORMULA}><input type="checkbox" checked=${cut} onChange=${() => go({ cut: !cut })} /> cut outliers</label>
      <label title=${TOLD}>smooth, half-life <input type="number" class="short" min="0" step="any" value=${smooth || ""} placeholder="off"
        onChange=${(/** @type {any} */ { target }) => go({ smooth: Math.max(0, Number(target.value) || 0) })} /></label>
      ${prefixes.length > 1 && !localFolder && html`<${Lines} />`}
      ${prefixes.length > 0 && html`<${Menu} label="Expression"><${Later} load=${loadExpression} isSmall statistics=${statistics} prefixes=${prefixes} /><//>`}
      ${smooth > 0 && html`<span class="formula">${TOLD}</span>`}
      ${cut && html`<span class="formula">${FENCE_FORMULA}; △ ▽ where a line or band leaves it.</span>`}
      ${(from !== null || to !== null) && html`
        <span class="zoomed">${x === "time" ? "a part" : `${formatNumber(from ?? 0)} … ${formatNumber(to ?? Infinity)}`}</span>
        <button type="button" class="button" onClick=${() => go({ from: null, to: null })}>Whole run</button>`}
    </div>
  `;
}

/** A line a run, or a group. */
function Lines() {
  const { over, group } = view.value;
  const way = wayOf(over);
  return html`
    <label>lines <select value=${way ? over : ""} onChange=${(/** @type {any} */ { target }) => go({ over: target.value })}>
      <option value="">a run each</option>
      ${WAYS.map(({ name, title }) => html`<option key=${name} value=${name}>${title}</option>`)}</select></label>
    ${way && html`<${FieldMenu} label="Groups by" chosen=${group} change=${(/** @type {string[]} */ fields) => go({ group: fields })} most=${MOST_GROUP_FIELDS} isCounted />
      <span class="formula">${formulaOf(way)}. ${group.length === 0 ? "All runs are one group." : ""}</span>`}
  `;
}
