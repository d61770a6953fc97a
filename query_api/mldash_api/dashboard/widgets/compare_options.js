// What holds for the comparison: which rows, which way round, compared with whom.

import { follow, go, href, view } from "../address.js";
import { html } from "../frame.js";
import { DEFAULT } from "../pure/view.js";

/** @param {{ prefixes: string[], csv: () => void }} props */
export function CompareOptions({ prefixes, csv }) {
  const { find, all, turned, baseline, runs } = view.value;
  const charts = { ...DEFAULT, page: /** @type {const} */ ("charts"), runs };
  return html`
    <div class="tools" role="toolbar" aria-label="Of the comparison">
      <input type="search" class="wide-search" data-search aria-label="Find in names and values" placeholder="find in names and values" value=${find} spellcheck=${false}
        onInput=${(/** @type {any} */ { target }) => go({ find: target.value }, { replace: true })} />
      <label class="with"><input type="checkbox" checked=${!all} onChange=${() => go({ all: !all })} /> differences only</label>
      <label class="with"><input type="checkbox" checked=${turned} onChange=${() => go({ turned: !turned })} /> runs as rows</label>
      <label class="with">baseline <select value=${prefixes.includes(baseline) ? baseline : ""} onChange=${(/** @type {any} */ { target }) => go({ baseline: target.value })}>
        <option value="">none</option>${prefixes.map((prefix) => html`<option key=${prefix} value=${prefix}>${prefix}</option>`)}</select></label>
      <a class="button" href=${href(charts)} onClick=${(/** @type {MouseEvent} */ event) => follow(event, charts)}>Charts</a>
      <button type="button" class="button" onClick=${() => go({ ...DEFAULT, runs })}>Change runs</button>
      <button type="button" class="button" onClick=${csv}>CSV</button>
    </div>
  `;
}
