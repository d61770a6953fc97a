// A run's colour, as a short thread.

import { html } from "../frame.js";
import { colourOf } from "../pure/colours.js";

/** @param {{ prefix: string, dash?: number[] }} props */
export function Swatch({ prefix, dash }) {
  return html`<svg class="swatch" data-colour=${colourOf(prefix)} viewBox="0 0 18 6" width="18" height="6" aria-hidden="true">
    <path d="M0 3H18" stroke-dasharray=${dash?.length ? dash.join(" ") : null} />
  </svg>`;
}
