// The table: only the cells in view exist. Focus stays on the grid and names its cell by row and column, so it survives
// whatever is drawn anew; scroll and focus move by the person alone.

import { html, useRef, useState } from "../frame.js";
import { Cell, NameCell } from "./cells.js";
import { useVirtual } from "./virtual.js";

const ROW = 30;
const HEAD = 44;

/** @typedef {import("../pure/columns.js").Column} Column */
/** @typedef {import("../views/runs_data.js").Row} Row */

/**
 * @param {object} props
 * @param {Column[]} props.columns
 * @param {Row[]} props.rows
 * @param {Row[]} props.pinned     rows that stay on top
 * @param {Row | undefined} props.baseline
 * @param {number} props.count     of all rows, loaded or not
 * @param {string} props.sort
 * @param {Set<string>} props.selected
 * @param {boolean} props.isBusy
 * @param {(key: string, row: Row | null, column: Column | null) => boolean} props.act   whether the key meant something
 * @param {(prefixes: string[]) => void} props.onVisible
 */
export function Grid({ columns, rows, pinned, baseline, count, sort, selected, isBusy, act, onVisible }) {
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const [active, setActive] = useState({ row: 0, column: 0 });
  const [isFocused, setFocused] = useState(false);
  const nameWidth = Math.min(320, Math.max(170, Math.round(innerWidth * 0.3)));
  const head = HEAD + pinned.length * ROW;
  const down = useVirtual({ count: rows.length, scroller: () => scroller.current, size: () => ROW, overscan: 12, before: head });
  const across = useVirtual({
    count: columns.length, scroller: () => scroller.current, size: (index) => columns[index].width, horizontal: true, overscan: 3,
    before: nameWidth,
  });
  const widths = columns.map(({ width }) => width).join(" ");
  const measured = useRef("");
  if (measured.current !== widths) {
    measured.current = widths;
    across.measure();
  }
  const inView = down.getVirtualItems();
  const seen = inView.map((/** @type {any} */ item) => rows[item.index]?.prefix).filter(Boolean);
  const told = useRef("");
  if (told.current !== seen.join("\n")) {
    told.current = seen.join("\n");
    queueMicrotask(() => onVisible(seen));
  }

  /** @param {number} row @param {number} column */
  const move = (row, column) => {
    const next = { row: clamp(row, -1, rows.length - 1), column: clamp(column, 0, columns.length) };
    setActive(next);
    if (next.row >= 0) down.scrollToIndex(next.row, { align: "auto" });
    if (next.column > 0) across.scrollToIndex(next.column - 1, { align: "auto" });
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { row, column } = active;
    const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 400) - head) / ROW) - 1);
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
      PageDown: [row + page, column], PageUp: [Math.max(0, row - page), column], Home: [row, 0], End: [row, columns.length],
    });
    if (event.key in steps) move(...steps[event.key]);
    else if (!act(event.key, row >= 0 ? rows[row] : null, column > 0 ? columns[column - 1] : null)) return;
    event.preventDefault();
  };

  const items = across.getVirtualItems();
  const width = nameWidth + across.getTotalSize();
  /** @param {Row} row @param {number} index @param {string} place */
  const cells = (row, index, place) => html`
    <${NameCell} id=${`${place}-0`} width=${nameWidth} row=${row} isSelected=${selected.has(row.prefix)}
      isActive=${isFocused && active.row === index && active.column === 0} act=${act} isBaseline=${baseline?.prefix === row.prefix} />
    ${items.map((/** @type {any} */ { index: at, start, size }) => columns[at] && html`
      <${Cell} key=${columns[at].field} id=${`${place}-${at + 1}`} left=${nameWidth + start} width=${size} column=${columns[at]} at=${at + 2}
        value=${row.values[columns[at].field]} isActive=${isFocused && active.row === index && active.column === at + 1}
        base=${baseline && baseline.prefix !== row.prefix ? baseline.values[columns[at].field] : undefined} />`)}
  `;

  return html`
    <div class="grid" ref=${scroller} role="grid" tabindex="0" aria-label="Runs" aria-rowcount=${count + 1}
      aria-colcount=${columns.length + 1} aria-busy=${isBusy} aria-multiselectable="true"
      aria-activedescendant=${isFocused ? `${active.row < 0 ? "head" : `row-${active.row}`}-${active.column}` : null}
      onKeyDown=${onKey} onFocus=${() => setFocused(true)} onBlur=${() => setFocused(false)}>
      <div class="all" role="presentation" style=${{ width: `${width}px`, height: `${head + down.getTotalSize()}px` }}>
        <div class="heads" role="rowgroup" style=${{ width: `${width}px`, height: `${head}px` }}>
          <div class="row" role="row" aria-rowindex="1" style=${{ height: `${HEAD}px` }}>
            <${Head} id="head-0" sort=${sort} column=${NAME} width=${nameWidth} at=${1} isActive=${isFocused && active.row === -1 && active.column === 0} act=${act} />
            ${items.map((/** @type {any} */ { index: at, start, size }) => columns[at] && html`
              <${Head} key=${columns[at].field} id=${`head-${at + 1}`} sort=${sort} column=${columns[at]} left=${nameWidth + start} width=${size} at=${at + 2}
                isActive=${isFocused && active.row === -1 && active.column === at + 1} act=${act} />`)}
          </div>
          ${pinned.map((row, at) => html`
            <div class="row" role="row" data-pinned key=${row.prefix} style=${{ top: `${HEAD + at * ROW}px`, height: `${ROW}px` }}>${cells(row, -2 - at, `pin-${at}`)}</div>`)}
        </div>
        <div role="rowgroup">
          ${inView.map((/** @type {any} */ { index, start }) => {
            const row = rows[index];
            return row && html`
              <div class="row" role="row" key=${row.prefix} aria-rowindex=${index + 2} aria-selected=${selected.has(row.prefix)}
                style=${{ top: `${head + start}px`, height: `${ROW}px` }} onMouseDown=${() => setActive({ row: index, column: 0 })}>
                ${cells(row, index, `row-${index}`)}
              </div>`;
          })}
        </div>
      </div>
    </div>
  `;
}

/** @type {Column} */
const NAME = { field: "prefix", title: "run", detail: "", isNumber: false, width: 0, direction: 0 };

/** @param {any} props */
function Head({ id, column, left, width, at, sort, isActive, act }) {
  const way = sort === column.field ? "ascending" : sort === "-" + column.field ? "descending" : "none";
  return html`
    <div id=${id} role="columnheader" class="head" aria-colindex=${at} aria-sort=${way} data-active=${isActive} data-number=${column.isNumber}
      title=${column.field} style=${{ left: left === undefined ? "0" : `${left}px`, width: `${width}px` }} data-first=${left === undefined}
      onClick=${() => act("Enter", null, column)}>
      <span class="title">${column.title}</span>
      <span class="detail">${column.detail || "\u00a0"}</span>
      ${way !== "none" && html`<svg viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><path d=${way === "ascending" ? "M4 1 7.5 7h-7z" : "M4 7 .5 1h7z"} /></svg>`}
    </div>
  `;
}

/** @param {number} value @param {number} least @param {number} most */
function clamp(value, least, most) {
  return Math.max(least, Math.min(most, value));
}
