// A text that is shown once, to be copied.

import { html, useRef, useState } from "../frame.js";

/** @param {{ label: string, text: string }} props */
export function Secret({ label, text }) {
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [told, setTold] = useState("");
  const copy = async () => {
    field.current?.select();
    try {
      await navigator.clipboard.writeText(text);
      setTold("copied");
    } catch {
      setTold("selected: copy it with Ctrl+C"); // over plain http a page has no clipboard, and who asks may be refused
    }
  };
  return html`
    <div class="secret" role="group" aria-label=${label}>
      <p><b>${label}</b> It is shown this once: nobody can tell it again.</p>
      <input ref=${field} readonly value=${text} aria-label=${label} spellcheck=${false} />
      <button type="button" class="button strong" onClick=${copy}>Copy</button> <span role="status">${told}</span>
    </div>
  `;
}
