// The values of a chart as a table, newest first.

import { html } from "../frame.js";
import { formatNumber } from "../pure/numbers.js";
import { formatMoment } from "../pure/times.js";

const MOST = 200;

/** @param {{ drawn: { x: number[], lines: import("../pure/lines.js").Line[] }, isTime: boolean, title: string }} props */
export function CardTable({ drawn: { x, lines }, isTime, title }) {
  const rows = Array.from({ length: Math.min(MOST, x.length) }, (_, back) => x.length - 1 - back);
  return html`
    <div class="values" tabindex="0" role="region" aria-label=${`Values of ${title}`}>
      <table>
        <thead><tr><th scope="col">x</th>${lines.map(({ prefix, name, isGroup }) => html`<th scope="col" title=${isGroup ? name : prefix}>${name}</th>`)}</tr></thead>
        <tbody>${rows.map((at) => html`<tr key=${at}><th scope="row">${isTime ? formatMoment(x[at]) : formatNumber(x[at])}</th>
          ${lines.map(({ values }) => html`<td>${values[at] === null ? "–" : formatNumber(values[at])}</td>`)}</tr>`)}</tbody>
      </table>
    </div>
  `;
}
