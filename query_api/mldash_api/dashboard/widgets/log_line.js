// One line of a log. Its text is text: hits are marked by elements of our own.

import { html } from "../frame.js";
import { partsAround } from "../pure/hits.js";
import { formatTime } from "../pure/times.js";

/** @param {{ line: any, top: number, find: string }} props */
export function LogLine({ line, top, find }) {
  const style = { top: `${top}px` };
  if (!line) return html`<div class="line" style=${style}><span class="none">…</span></div>`;
  const told = line.metadata ? Object.entries(line.metadata).map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`).join(" ") : "";
  return html`
    <div class="line" data-level=${line.level} style=${style} title=${line.message}>
      <time>${formatTime(line.timestamp).slice(11)}</time><span class="level">${line.level}</span>
      <span class="message">${marked(line.message, find)}</span>${told && html`<span class="meta">${told}</span>`}
    </div>
  `;
}

/** @param {string} text @param {string} find */
function marked(text, find) {
  return partsAround(text, find).map((part, at) => (at % 2 === 0 ? part : html`<mark>${part}</mark>`));
}
