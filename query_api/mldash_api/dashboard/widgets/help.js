// The sheet of keys.

import { html, useEffect, useRef } from "../frame.js";

const KEYS = [
  ["Everywhere", [
    ["?", "this sheet"],
    ["/", "to the search"],
    ["d", "light or dark"],
    ["w", "saved views"],
    ["Esc", "close, or leave the search"],
  ]],
  ["Table of runs", [
    ["← ↑ → ↓", "to another cell; Home, End, Page Up, Page Down"],
    ["Enter", "open the run; on a column's head: sort by it"],
    ["Space", "select the run"],
    ["p", "keep the run on top"],
    ["b", "compare all others with this run"],
    ["c", "charts of the selected runs"],
    ["v", "the selected runs side by side"],
    ["e", "archive, tag and note runs"],
  ]],
  ["Compare", [
    ["← ↑ → ↓", "to another cell; Home, End, Page Up, Page Down"],
    ["Enter", "open the run of the column or row; open or close a group"],
    ["b", "compare all others with this run"],
  ]],
  ["Charts", [
    ["← →", "from column to column of pixels; their values are said"],
    ["+ −", "zoom in at the cursor, zoom out"],
    ["0", "the whole run"],
    ["t", "the values as a table"],
    ["s", "save the card: PNG, SVG, CSV"],
    ["p", "pin the card: before all others"],
  ]],
  ["Params against results", [
    ["← →", "from run to run, in the order of the first axis"],
    ["t", "the values as a table"],
  ]],
  ["Path of a track", [
    ["← ↑ → ↓", "turn it; with Shift, move it"],
    ["+ −", "nearer, further away"],
    [", .", "the entry before, the next one, of those that are drawn"],
    ["0", "as it begins"],
  ]],
];

/** @param {{ close: () => void }} props */
export function Help({ close }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  return html`
    <dialog class="help" ref=${dialog} onClose=${close} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      ${KEYS.map(([title, keys]) => html`
        <section>
          <h3>${title}</h3>
          <dl>${/** @type {string[][]} */ (keys).map(([key, text]) => html`<div><dt><kbd>${key}</kbd></dt><dd>${text}</dd></div>`)}</dl>
        </section>
      `)}
      <form method="dialog"><button class="button" autofocus>Close</button></form>
    </dialog>
  `;
}
