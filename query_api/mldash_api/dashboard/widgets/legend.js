// Beside a chart: each run's name and value, at the cursor or at its end. It is said to who cannot see the chart.

import { html } from "../frame.js";
import { dashesOf } from "../pure/colours.js";
import { formatNumber } from "../pure/numbers.js";
import { formatMoment } from "../pure/times.js";
import { Swatch } from "./swatch.js";

const MOST = 8;

/** @param {{ drawn: { x: number[], lines: import("../pure/lines.js").Line[] }, at: number | null, isTime: boolean }} props */
export function Legend({ drawn: { x, lines }, at, isTime }) {
  const dashes = dashesOf(lines.map(({ prefix }) => prefix));
  const place = at === null || at >= x.length ? null : x[at];
  return html`
    <div class="legend" aria-live="polite">
      <span class="place">${place === null ? "last" : isTime ? formatMoment(place) : `x = ${formatNumber(place)}`}</span>
      ${lines.slice(0, MOST).map((line, index) => html`
        <span class="one" key=${line.prefix} title=${line.isGroup ? line.name : line.prefix}>
          <${Swatch} prefix=${line.prefix} dash=${dashes[index]} /><span class="run" data-group=${line.isGroup}>${line.name}</span>
          <b>${valueAt(line.values, place === null ? null : at)}</b>
        </span>`)}
      ${lines.length > MOST && html`<span class="more">and ${lines.length - MOST} more: t shows all</span>`}
    </div>
  `;
}

/** @param {(number | null)[]} values @param {number | null} at */
function valueAt(values, at) {
  const value = at === null ? values.findLast((one) => one !== null) : values[at];
  return value === null || value === undefined ? "–" : formatNumber(value);
}
