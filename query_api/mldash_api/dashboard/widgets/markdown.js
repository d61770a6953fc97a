// Markdown, drawn as elements: commonmark reads it, and is fetched when the first one is shown.

import { html, useEffect, useState } from "../frame.js";
import { piecesOf } from "../pure/markdown.js";

/** @typedef {import("../pure/markdown.js").Piece} Piece */

const MOST_LETTERS = 200_000;

/** @param {{ text: string, under?: number }} props  under: the level of the heading above it */
export function Markdown({ text, under = 1 }) {
  const [pieces, setPieces] = useState(/** @type {Piece[] | null} */ (null));
  useEffect(() => {
    let isLate = false;
    const plain = () => setPieces(null); // the text as it was written says the same
    import("../libraries/commonmark.js").then(({ Parser }) => isLate || setPieces(piecesOf(new Parser().parse(text.slice(0, MOST_LETTERS)))), plain);
    return () => void (isLate = true);
  }, [text]);
  return pieces === null ? html`<pre class="readme">${text}</pre>` : html`<div class="markdown">${pieces.map((piece) => drawn(piece, under))}</div>`;
}

/** @param {Piece} piece @param {number} under @returns {any} */
function drawn({ kind, text, level = 1, start, address, below }, under) {
  const inner = below.map((piece) => drawn(piece, under));
  switch (kind) {
    case "text": case "html_inline": return text;
    case "softbreak": return " ";
    case "linebreak": return html`<br />`;
    case "thematic_break": return html`<hr />`;
    case "code": return html`<code>${text}</code>`;
    case "code_block": case "html_block": return html`<pre tabindex="0"><code>${text}</code></pre>`;
    case "paragraph": return html`<p>${inner}</p>`;
    case "emph": return html`<em>${inner}</em>`;
    case "strong": return html`<strong>${inner}</strong>`;
    case "block_quote": return html`<blockquote>${inner}</blockquote>`;
    case "list": return html`<ul>${inner}</ul>`;
    case "ordered": return html`<ol start=${start}>${inner}</ol>`;
    case "item": return html`<li>${inner}</li>`;
    case "heading": return html`<p class="heading" role="heading" aria-level=${Math.min(6, level + under)} data-level=${level}>${inner}</p>`;
    case "link": return address ? html`<a href=${address} target="_blank" rel="noopener noreferrer">${inner}</a>` : html`<span>${inner}</span>`;
    case "image": return html`<span class="dim">[image: ${inner}]</span>`;
    default: return inner;
  }
}
