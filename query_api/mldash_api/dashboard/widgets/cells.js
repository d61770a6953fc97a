// The cells of the table of runs.

import { follow, href } from "../address.js";
import { html } from "../frame.js";
import { DEFAULT } from "../pure/view.js";
import { deltaOf } from "../pure/columns.js";
import { formatNumber } from "../pure/numbers.js";
import { formatAge, formatDuration, formatTime } from "../pure/times.js";
import { Status } from "./status.js";
import { Swatch } from "./swatch.js";

const TIMES = new Set(["started", "created", "ended", "updated"]);

/** @param {any} props */
export function NameCell({ id, width, row, isSelected, isActive, isBaseline, act }) {
  const parts = row.prefix.split("/");
  const to = { ...DEFAULT, page: /** @type {const} */ ("run"), prefix: row.prefix };
  return html`
    <div id=${id} role="rowheader" class="name" aria-colindex="1" data-active=${isActive} style=${{ width: `${width}px` }} title=${row.prefix}>
      <input type="checkbox" tabindex="-1" checked=${isSelected} aria-label=${`Select ${row.prefix}`} onChange=${() => act(" ", row, null)} />
      <${Swatch} prefix=${row.prefix} />
      <a tabindex="-1" href=${href(to)} onClick=${(/** @type {MouseEvent} */ event) => follow(event, to)}>
        <small>${parts.slice(0, -1).join("/")}/</small><b>${parts.at(-1)}</b>
      </a>
      ${isBaseline && html`<em>baseline</em>`}${row.values.archived === true && html`<em class="gone">archived</em>`}
    </div>
  `;
}

/** @param {any} props */
export function Cell({ id, left, width, column, at, value, base, isActive }) {
  return html`
    <div id=${id} role="gridcell" class="cell" aria-colindex=${at} data-active=${isActive} data-number=${column.isNumber || typeof value === "number"}
      style=${{ left: `${left}px`, width: `${width}px` }} title=${titleOf(column, value)}>
      <${Value} column=${column} value=${value} /><${Delta} column=${column} value=${value} base=${base} />
    </div>
  `;
}

/** @param {{ column: import("../pure/columns.js").Column, value: unknown }} props */
export function Value({ column, value }) {
  if (value === undefined || value === null) return html`<span class="none">–</span>`;
  if (column.field === "status") return html`<${Status} status=${value} />`;
  if (TIMES.has(column.field)) return formatAge(value, Date.now());
  if (column.field === "duration") return formatDuration(value);
  if (column.field === "tags" && Array.isArray(value)) return value.map((tag) => html`<span class="tag">${String(tag)}</span>`);
  if (typeof value === "number") return Number.isNaN(value) ? html`<span class="bad">NaN</span>` : formatNumber(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** @param {{ column: { isNumber: boolean, direction: number }, value: unknown, base: unknown }} props */
export function Delta({ column, value, base }) {
  const delta = column.isNumber ? deltaOf(value, base, column.direction) : null;
  if (delta === null || delta.difference === 0) return null;
  const up = delta.difference > 0;
  const word = delta.better > 0 ? "better" : delta.better < 0 ? "worse" : "";
  return html`<span class="delta" data-better=${delta.better}>
    <svg viewBox="0 0 8 8" width="7" height="7" aria-hidden="true"><path d=${up ? "M4 1 7.5 7h-7z" : "M4 7 .5 1h7z"} /></svg>
    ${formatNumber(Math.abs(delta.difference))}<span class="said">${up ? " above" : " below"} ${word}</span>
  </span>`;
}

/** @param {import("../pure/columns.js").Column} column @param {unknown} value */
function titleOf(column, value) {
  if (value === undefined || value === null) return `${column.field}: none`;
  const text = TIMES.has(column.field) ? formatTime(value) : typeof value === "object" ? JSON.stringify(value) : String(value);
  return `${column.field}: ${text}`;
}
