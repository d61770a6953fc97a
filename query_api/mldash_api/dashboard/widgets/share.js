// A link to this one run, from its page.

import { html } from "../frame.js";
import { NewLink } from "./new_link.js";

/** @param {{ prefix: string }} props */
export function Share({ prefix }) {
  return html`
    <p>A link opens this run, to read, and nothing else, to whoever has it: also to people who can't sign in here. Views of many runs are shared by their address, with those who may see them.</p>
    <${NewLink} start=${prefix} isFixed made=${() => undefined} />
    <p class="dim">Links are listed, and ended, under Access.</p>
  `;
}
