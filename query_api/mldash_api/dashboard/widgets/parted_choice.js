// Which two runs are looked at for where they part, and the parameters in which they differ.

import { go, view } from "../address.js";
import { html } from "../frame.js";
import { fieldsOf, nameOf, textOf } from "../pure/comparison.js";
import { counted } from "../pure/numbers.js";
import { namesOf } from "../pure/parting.js";
import { useCompared } from "../views/compared.js";
import { Swatch } from "./swatch.js";

const MOST = 200;

/**
 * The two runs of the address, where both are drawn; else none.
 * @param {readonly string[]} prefixes
 */
export function partedOf(prefixes) {
  const { parted } = view.value;
  return parted.length === 2 && parted.every((prefix) => prefixes.includes(prefix)) ? parted : [];
}

/** @param {{ prefixes: string[] }} props  that are drawn, at least two */
export function PartedChoice({ prefixes }) {
  const chosen = partedOf(prefixes);
  const isOn = chosen.length === 2;
  const names = namesOf(prefixes);
  const choose = (/** @type {number} */ at, /** @type {string} */ prefix) => {
    const other = chosen[1 - at] === prefix ? chosen[at] : chosen[1 - at];
    go({ parted: at === 0 ? [prefix, other] : [other, prefix] });
  };
  const select = (/** @type {number} */ at, /** @type {string} */ label) => html`
    <select aria-label=${label} value=${chosen[at]} onChange=${(/** @type {any} */ { target }) => choose(at, target.value)}>
      ${prefixes.map((prefix, index) => html`<option key=${prefix} value=${prefix}>${names[index]}</option>`)}</select>`;
  return html`
    <button type="button" class="button" aria-pressed=${isOn} onClick=${() => go({ parted: isOn ? [] : prefixes.slice(0, 2) })}>Where did they part?</button>
    ${isOn && prefixes.length > 2 && html`<span class="two-runs">${select(0, "The one run")} ${select(1, "The other run")}</span>`}
    ${isOn && html`<${Differences} key=${JSON.stringify(chosen)} prefixes=${chosen} />`}
  `;
}

/** @param {{ prefixes: string[] }} props */
function Differences({ prefixes }) {
  const { found, problem } = useCompared(prefixes, { isExact: true, everything: false });
  if (problem && !found) return html`<p class="bad">${problem instanceof Error ? problem.message : String(problem)}</p>`;
  if (!found) return html`<p class="dim">…</p>`;
  const params = fieldsOf(found).fields.filter(({ path }) => path[0] === "params");
  if (params.length === 0) return html`<p class="dim apart">Their parameters are the same.</p>`;
  const names = namesOf(prefixes);
  return html`
    <div class="apart wide" role="region" tabindex="0" aria-label="Parameters in which they differ">
      <table class="plain">
        <thead><tr><th scope="col">${counted(params.length, "parameter")} apart</th>
          ${prefixes.map((prefix, at) => html`<th scope="col" key=${prefix} title=${prefix}><${Swatch} prefix=${prefix} /> ${names[at]}</th>`)}</tr></thead>
        <tbody>${params.slice(0, MOST).map((field) => html`<tr key=${nameOf(field)}><th scope="row">${nameOf(field)}</th>
          ${field.values.map((value) => html`<td>${value === undefined ? "–" : textOf(value)}</td>`)}</tr>`)}</tbody>
      </table>
      ${params.length > MOST && html`<p class="dim">The first ${MOST}: Compare shows all.</p>`}
    </div>
  `;
}
