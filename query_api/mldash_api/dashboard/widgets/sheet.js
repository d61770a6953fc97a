// A sheet of any rows and columns: only the cells in view exist. Focus stays on the sheet and names its cell by row and
// column, so it survives whatever is drawn anew.

import { html, useRef, useState } from "../frame.js";
import { useVirtual } from "./virtual.js";

const ROW = 30;
const HEAD = 44;

/**
 * @typedef {object} SheetRow
 * @property {string} key
 * @property {any} head          what stands in its first column
 * @property {string} title      the same in full
 * @property {number} depth
 * @property {boolean | null} isOpen  null: it is no group
 *
 * @typedef {{ key: string, head: any, title: string, width: number, isNumber: boolean }} SheetColumn
 * @typedef {{ content: any, title: string, isNumber: boolean, differs?: boolean }} SheetCell
 */

/**
 * @param {object} props
 * @param {string} props.label
 * @param {string} props.corner  above the heads of rows
 * @param {SheetRow[]} props.rows
 * @param {SheetColumn[]} props.columns
 * @param {(row: number, column: number) => SheetCell} props.cell
 * @param {(key: string, row: number, column: number) => boolean} props.act  whether the key meant something; -1: the heads
 */
export function Sheet({ label, corner, rows, columns, cell, act }) {
  const scroller = useRef(/** @type {HTMLElement | null} */ (null));
  const [active, setActive] = useState({ row: 0, column: -1 });
  const [isFocused, setFocused] = useState(false);
  const nameWidth = Math.min(320, Math.max(150, Math.round(innerWidth * 0.3)));
  const down = useVirtual({ count: rows.length, scroller: () => scroller.current, size: () => ROW, overscan: 12, before: HEAD });
  const across = useVirtual({
    count: columns.length, scroller: () => scroller.current, size: (index) => columns[index].width, horizontal: true, overscan: 3,
    before: nameWidth,
  });
  const measured = useRef("");
  const widths = columns.map(({ width }) => width).join(" ");
  if (measured.current !== widths) {
    measured.current = widths;
    across.measure();
  }

  /** @param {number} row @param {number} column */
  const move = (row, column) => {
    const next = { row: clamp(row, -1, rows.length - 1), column: clamp(column, -1, columns.length - 1) };
    setActive(next);
    if (next.row >= 0) down.scrollToIndex(next.row, { align: "auto" });
    if (next.column >= 0) across.scrollToIndex(next.column, { align: "auto" });
  };

  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { row, column } = active;
    const page = Math.max(1, Math.floor(((scroller.current?.clientHeight ?? 400) - HEAD) / ROW) - 1);
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowDown: [row + 1, column], ArrowUp: [row - 1, column], ArrowRight: [row, column + 1], ArrowLeft: [row, column - 1],
      PageDown: [row + page, column], PageUp: [Math.max(0, row - page), column], Home: [row, -1], End: [row, columns.length - 1],
    });
    if (event.key in steps) move(...steps[event.key]);
    else if (!act(event.key, row, column)) return;
    event.preventDefault();
  };

  const items = across.getVirtualItems().filter((/** @type {any} */ { index }) => index < columns.length);
  const width = nameWidth + across.getTotalSize();
  const inView = down.getVirtualItems().filter((/** @type {any} */ { index }) => index < rows.length);
  // A group has one cell alone: whatever the column, that one is meant.
  const activeColumn = active.row >= 0 && rows[active.row]?.isOpen !== null ? -1 : active.column;
  const isActive = (/** @type {number} */ row, /** @type {number} */ column) => isFocused && active.row === row && activeColumn === column;
  const isNested = rows.some(({ isOpen }) => isOpen !== null);

  return html`
    <div class="grid sheet" ref=${scroller} role=${isNested ? "treegrid" : "grid"} tabindex="0" aria-label=${label} aria-rowcount=${rows.length + 1}
      aria-colcount=${columns.length + 1} aria-activedescendant=${isFocused ? idOf(active.row, activeColumn) : null}
      onKeyDown=${onKey} onFocus=${() => setFocused(true)} onBlur=${() => setFocused(false)}>
      <div class="all" role="presentation" style=${{ width: `${width}px`, height: `${HEAD + down.getTotalSize()}px` }}>
        <div class="heads" role="rowgroup" style=${{ width: `${width}px`, height: `${HEAD}px` }}>
          <div class="row" role="row" aria-rowindex="1" style=${{ height: `${HEAD}px` }}>
            <div id=${idOf(-1, -1)} role="columnheader" class="name" aria-colindex="1" data-active=${isActive(-1, -1)} style=${{ width: `${nameWidth}px` }}>${corner}</div>
            ${items.map((/** @type {any} */ { index, start, size }) => html`
              <div id=${idOf(-1, index)} key=${columns[index].key} role="columnheader" class="cell" aria-colindex=${index + 2} title=${columns[index].title}
                data-active=${isActive(-1, index)} data-number=${columns[index].isNumber} style=${{ left: `${nameWidth + start}px`, width: `${size}px` }}
                onMouseDown=${() => setActive({ row: -1, column: index })}>${columns[index].head}</div>`)}
          </div>
        </div>
        <div role="rowgroup">
          ${inView.map((/** @type {any} */ { index, start }) => row(index, start))}
        </div>
      </div>
    </div>
  `;

  /** @param {number} at @param {number} start */
  function row(at, start) {
    const { key, head, title, depth, isOpen } = rows[at];
    return html`
      <div class="row" role="row" key=${key} aria-rowindex=${at + 2} aria-level=${isNested ? depth + 1 : null} aria-expanded=${isOpen}
        data-group=${isOpen !== null} data-depth=${depth} style=${{ top: `${HEAD + start}px`, height: `${ROW}px` }}>
        <div id=${idOf(at, -1)} role="rowheader" class="name" aria-colindex="1" title=${title} data-active=${isActive(at, -1)}
          style=${{ width: `${nameWidth}px`, paddingLeft: `${14 + Math.min(depth, 6) * 14}px` }}
          onMouseDown=${() => setActive({ row: at, column: -1 })} onClick=${() => isOpen !== null && act("Enter", at, -1)}>${head}</div>
        ${isOpen === null && items.map((/** @type {any} */ { index, start: left, size }) => {
          const { content, title: full, isNumber, differs } = cell(at, index);
          return html`
            <div id=${idOf(at, index)} key=${columns[index].key} role="gridcell" class="cell" aria-colindex=${index + 2} title=${full} data-number=${isNumber}
              data-differs=${differs} data-active=${isActive(at, index)} style=${{ left: `${nameWidth + left}px`, width: `${size}px` }}
              onMouseDown=${() => setActive({ row: at, column: index })}><span class="text">${content}</span></div>`;
        })}
      </div>`;
  }
}

/** @param {number} row @param {number} column */
function idOf(row, column) {
  return `sheet-${row < 0 ? "head" : row}-${column < 0 ? "name" : column}`;
}

/** @param {number} value @param {number} least @param {number} most */
function clamp(value, least, most) {
  return Math.max(least, Math.min(most, value));
}
