// A chart of an expression over the fields of one metric: asked of the API once, so that what is wrong with it is said here.

import { go, view } from "../address.js";
import { ask } from "../api.js";
import { html, useState } from "../frame.js";
import { nameOf } from "../pure/cards.js";

/** @param {{ statistics: { metric: string | null, field: string }[], prefixes: string[] }} props */
export function NewExpression({ statistics, prefixes }) {
  const metrics = [...new Set(statistics.map(({ metric }) => metric))];
  const [chosen, setChosen] = useState(/** @type {string | null | undefined} */ (undefined)); // itself: its place moves
  const [text, setText] = useState("");
  const [told, setTold] = useState({ isWrong: false, text: "" });
  const metric = chosen !== undefined && metrics.includes(chosen) ? chosen : (metrics[0] ?? null);
  const fields = [...new Set(statistics.filter((one) => one.metric === metric).map(({ field }) => field))].filter((field) => field !== "_ts");

  /** @param {Event} event */
  const add = async (event) => {
    event.preventDefault();
    const card = { metric, field: text.trim(), isExpression: true };
    const query = { prefixes: prefixes.slice(0, 1), ...(metric === null ? { unnamed: true } : { name: metric }), expression: [card.field], start: 0, end: 0, points: 1 };
    try {
      await ask("v1/metrics/grid", query);
    } catch (error) {
      return setTold({ isWrong: true, text: error instanceof Error ? error.message : String(error) });
    }
    go({ expressions: [...new Set([...view.value.expressions, nameOf(card)])] });
    setText("");
    setTold({ isWrong: false, text: "The chart stands before the others of the metric." });
  };

  return html`
    <form class="new-expression" onSubmit=${add}>
      <label>of the metric <select value=${metrics.indexOf(metric)} onChange=${(/** @type {any} */ { target }) => setChosen(metrics[Number(target.value)])}>
        ${metrics.map((one, index) => html`<option key=${index} value=${index}>${one ?? "without a name"}</option>`)}</select></label>
      <label>expression <input type="text" required spellcheck=${false} autocomplete="off" placeholder="log10(loss), a - b, d(loss)/dx" value=${text} aria-invalid=${told.isWrong}
        onInput=${(/** @type {any} */ { target }) => setText(target.value)} /></label>
      <p class="dim">Its fields: ${fields.join(", ")}</p>
      ${told.text && (told.isWrong ? html`<pre class="bad" role="alert">${told.text}</pre>` : html`<p role="status">${told.text}</p>`)}
      <button class="button strong">Add the chart</button>
    </form>
  `;
}
