// A button that opens a panel below it; Escape or a press elsewhere closes it.

import { html, useEffect, useRef, useState } from "../frame.js";

/**
 * @param {{ label: string, children: any, count?: number, face?: any, closes?: boolean }} props  face: what the button shows in
 *   place of its label; closes: a press on what is in the panel closes it, and the first in it has the focus when it opens
 */
export function Menu({ label, children, count = 0, face, closes = false }) {
  const [isOpen, setOpen] = useState(false);
  const root = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (!isOpen) return;
    const elsewhere = (/** @type {Event} */ event) => {
      if (!root.current?.contains(/** @type {Node} */ (event.target))) setOpen(false);
    };
    document.addEventListener("pointerdown", elsewhere);
    if (closes) root.current?.querySelector(".panel")?.querySelector("button")?.focus();
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [isOpen]);
  const close = () => {
    setOpen(false);
    root.current?.querySelector("button")?.focus();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !isOpen) return;
    close();
    event.stopPropagation();
  };
  return html`
    <div class="menu" ref=${root} onKeyDown=${onKey}>
      <button type="button" class=${face ? "quiet" : "button"} aria-expanded=${isOpen} aria-label=${face ? label : null} title=${face ? label : null} onClick=${() => setOpen(!isOpen)}>
        ${face ?? label}${count > 0 && html`<span class="count">${count}</span>`}
      </button>
      ${isOpen && html`<div class="panel" role="group" aria-label=${label} onClick=${() => closes && close()}>${children}</div>`}
    </div>
  `;
}
