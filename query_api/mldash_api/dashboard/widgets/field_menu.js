// Fields to choose among, found by a part of their name: the columns, or what runs are grouped by.

import { ask, wasCancelled } from "../api.js";
import { html, useEffect, useState } from "../frame.js";
import { Menu } from "./menu.js";

const MOST = 10_000;
const SHOWN = 200;

/**
 * @param {{ label: string, chosen: string[], change: (fields: string[]) => void, most: number, isCounted?: boolean }} props
 */
export function FieldMenu({ label, chosen, change, most, isCounted = false }) {
  return html`<${Menu} label=${label} count=${isCounted ? chosen.length : 0}><${Choice} chosen=${chosen} change=${change} most=${most} /><//>`;
}

/** @param {{ chosen: string[], change: (fields: string[]) => void, most: number }} props */
function Choice({ chosen, change, most }) {
  const [known, setKnown] = useState(/** @type {string[]} */ ([]));
  const [part, setPart] = useState("");
  useEffect(() => {
    const stop = new AbortController();
    ask("v1/fields", { limit: MOST }, stop.signal)
      .then(({ fields }) => setKnown(fields.map((/** @type {{ field: string }} */ { field }) => field)))
      .catch((error) => wasCancelled(error) || setKnown([]));
    return () => stop.abort();
  }, []);
  const words = part.toLowerCase().split(/\s+/);
  const all = [...new Set([...chosen, ...known])];
  const found = all.filter((field) => words.every((word) => field.toLowerCase().includes(word)));
  const toggle = (/** @type {string} */ field) =>
    change(chosen.includes(field) ? chosen.filter((one) => one !== field) : [...chosen, field].slice(-most));
  return html`
    <input type="search" aria-label="Part of a name" placeholder="part of a name" value=${part} spellcheck=${false}
      onInput=${(/** @type {any} */ event) => setPart(event.target.value)} />
    <ul class="choice">
      ${found.slice(0, SHOWN).map((field) => html`
        <li key=${field}><label><input type="checkbox" checked=${chosen.includes(field)} onChange=${() => toggle(field)} /><span>${field}</span></label></li>`)}
    </ul>
    <p class="foot">${found.length > SHOWN ? `${SHOWN} of ${found.length}: type more of the name` : `${found.length} fields`}
      ${chosen.length > 0 && html`<button type="button" class="link" onClick=${() => change([])}>as it was</button>`}</p>
  `;
}
