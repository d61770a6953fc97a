// Runs in groups, within one another: of each how many, and the mean and spread of what the table shows.

import { ask, wasCancelled } from "../api.js";
import { html, useEffect, useState } from "../frame.js";
import { columnOf } from "../pure/columns.js";
import { conditionOf } from "../pure/fields.js";
import { formatNumber } from "../pure/numbers.js";
import { Notice, ProblemNotice } from "./notice.js";

const MOST_VALUES = 10;

/** @param {{ group: string[], filter: string, fields: string[], narrow: (conditions: string[]) => void }} props */
export function Groups({ group, filter, fields, narrow }) {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const columns = fields.map(columnOf).filter(({ isNumber }) => isNumber).slice(0, MOST_VALUES);
  useEffect(() => {
    const stop = new AbortController();
    const query = { group, filter: filter || null, values: columns.map(({ field }) => field) };
    ask("v1/experiments", query, stop.signal).then(
      (answer) => {
        setFound(answer);
        setProblem(null);
      },
      (error) => wasCancelled(error) || setProblem(error),
    );
    return () => stop.abort();
  }, [JSON.stringify([group, filter, fields])]);
  if (problem) return html`<${ProblemNotice} problem=${problem} />`;
  if (!found) return html`<${Notice} kind="loading" title="Grouping …" />`;
  const rows = flat(found.groups, 0, []);
  return html`
    <div class="groups" tabindex="0" role="region" aria-label="Groups of runs">
      <table>
        <caption>The mean of the runs of a group, and behind ± half of its 95 % interval (1,000 bootstrap samples).</caption>
        <thead><tr><th scope="col">${group.join(" › ")}</th><th scope="col" class="number">runs</th>
          ${columns.map(({ field, title, detail }) => html`<th scope="col" class="number" title=${field}>${title}<small>${detail}</small></th>`)}</tr></thead>
        <tbody>
          ${rows.map(({ one, depth, conditions }) => html`
            <tr key=${conditions.join("\n")}>
              <th scope="row" data-depth=${depth}><button type="button" class="link" title="Only these runs" onClick=${() => narrow(conditions)}>
                ${one.isMissing ? html`<i>none</i>` : typeof one.value === "string" ? one.value || "“”" : JSON.stringify(one.value)}</button></th>
              <td class="number">${formatNumber(one.count)}</td>
              ${columns.map(({ field }) => html`<td class="number"><${Spread} of=${one.values[field]} /></td>`)}
            </tr>`)}
        </tbody>
      </table>
    </div>
  `;
}

/** @param {{ of: any }} props */
function Spread({ of }) {
  if (!of || !of.count) return html`<span class="none">–</span>`;
  const half = (of.high - of.low) / 2;
  return html`<span title=${`median ${formatNumber(of.median)}, ${formatNumber(of.min)} to ${formatNumber(of.max)}, of ${of.count}`}>
    ${formatNumber(of.mean)}${of.count > 1 && Number.isFinite(half) && html`<small> ± ${formatNumber(half)}</small>`}</span>`;
}

/** @param {any[]} groups @param {number} depth @param {string[]} outer @returns {any[]} */
function flat(groups, depth, outer) {
  return groups.flatMap((one) => {
    const own = one.isMissing ? `not ${one.field} exists` : conditionOf(one.field, one.value);
    const conditions = [...outer, own];
    return [{ one, depth, conditions }, ...flat(one.groups ?? [], depth + 1, conditions)];
  });
}
