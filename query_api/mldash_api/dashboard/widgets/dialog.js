// A dialog over the page: Escape closes it, and the focus goes back to where it was.

import { html, useEffect, useRef } from "../frame.js";

/** @param {{ title: string, close: () => void, children: any, isWide?: boolean }} props */
export function Dialog({ title, close, children, isWide = false }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return html`
    <dialog class="dialog" data-wide=${isWide} ref=${dialog} onClose=${close} aria-label=${title}>
      <header><h2>${title}</h2>
        <button type="button" class="quiet" aria-label="Close" onClick=${() => dialog.current?.close()}><svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true"><path d="M2 2l8 8M10 2l-8 8" /></svg></button></header>
      ${children}
    </dialog>
  `;
}
