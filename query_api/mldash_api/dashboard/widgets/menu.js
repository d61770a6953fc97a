// A button that opens a panel below it; Escape or a press elsewhere closes it.

import { html, useEffect, useRef, useState } from "../frame.js";

/** @param {{ label: string, children: any, count?: number }} props */
export function Menu({ label, children, count = 0 }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!isOpen) return;
    const elsewhere = (/** @type {Event} */ event) => {
      if (!root.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [isOpen]);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !isOpen) return;
    setOpen(false);
    root.current?.querySelector("button")?.focus();
    event.stopPropagation();
  };
  return html`
    <div class="menu" ref=${root} onKeyDown=${onKey}>
      <button type="button" class="button" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}>
        ${label}${count > 0 && html`<span class="count">${count}</span>`}
      </button>
      ${isOpen && html`<div class="panel" role="group" aria-label=${label}>${children}</div>`}
    </div>
  `;
}
