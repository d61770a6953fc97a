// What a card can be saved as. What makes the files is fetched when one is asked for.

import { html, useState } from "../frame.js";
import { Menu } from "./menu.js";

const KINDS = /** @type {const} */ ([["PNG", "picture of pixels"], ["SVG", "picture of lines"], ["CSV", "values, with bands and smoothed"]]);

/** @param {{ title: string, shown: import("./card_files.js").Shown | null }} props  shown: null while something else is asked for */
export function CardMenu({ title, shown }) {
  const [isFailed, setFailed] = useState(false);
  const save = (/** @type {import("./card_files.js").Kind} */ kind) =>
    shown && import("./card_files.js").then(({ saveCard }) => saveCard(kind, shown)).then(() => setFailed(false), () => setFailed(true));
  return html`
    <${Menu} label=${`Save ${title}`} face=${html`<${Arrow} />`} closes>
      ${KINDS.map(([kind, text]) => html`<button type="button" class="entry" key=${kind} disabled=${shown === null} onClick=${() => save(kind)}><b>${kind}</b> <span>${text}</span></button>`)}
    <//>
    ${isFailed && html`<span class="bad" role="alert">it could not be saved</span>`}
  `;
}

function Arrow() {
  return html`<svg viewBox="0 0 14 14" width="13" height="13" aria-hidden="true"><path d="M7 1.5v7.5M3.8 6 7 9.2 10.2 6M1.5 9.5v3h11v-3" /></svg>`;
}
