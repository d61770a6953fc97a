// Runs side by side: parameters, the last and best of their metrics, their context; the rows in which they differ, or all.

import { follow, go, href, view } from "../address.js";
import { html, useMemo } from "../frame.js";
import { areSame, fieldsOf, found, isNumeric, measured, nameOf, rowsOf, textOf } from "../pure/comparison.js";
import { toCsv } from "../pure/csv.js";
import { Written } from "../pure/exact.js";
import { counted, formatNumber } from "../pure/numbers.js";
import { widthOf } from "../pure/text_width.js";
import { DEFAULT } from "../pure/view.js";
import { Delta } from "../widgets/cells.js";
import { CompareOptions } from "../widgets/compare_options.js";
import { save } from "../widgets/download.js";
import { Notice, ProblemNotice } from "../widgets/notice.js";
import { Sheet } from "../widgets/sheet.js";
import { Swatch } from "../widgets/swatch.js";
import { useCompared } from "./compared.js";

const MOST = 100;
const SIDES = 22;
const WIDEST = 300;
const MEASURED = 60; // letters, and values of a column

/** @typedef {import("../pure/comparison.js").Field} Field */

export function Compare() {
  const { runs, find, all, turned, closed, baseline } = view.value;
  const prefixes = runs.slice(0, MOST);
  const { found: compared, problem, again } = useCompared(prefixes.length > 1 ? prefixes : [], { isExact: true, everything: all });
  const known = useMemo(() => compared && fieldsOf(compared), [compared]);
  const fields = useMemo(() => (known ? found(known.fields, find) : []), [known, find]);
  const rows = useMemo(() => rowsOf(fields, find ? [] : closed), [fields, find, closed]);
  if (prefixes.length < 2) {
    return html`<${Notice} kind="empty" title="Choose two runs or more" text="Select them in the table, with a click or with Space, and press v."
      action=${{ text: "Choose runs", run: () => go({ ...DEFAULT, runs }) }} />`;
  }
  if (problem && !compared) return html`<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!known) return html`<${Notice} kind="loading" title="Comparing …" />`;
  const there = known.prefixes;
  const base = there.indexOf(baseline);
  const absent = compared.absent.map((/** @type {number} */ at) => compared.prefixes[at]);
  const csv = () => save("compared.csv", "text/csv", csvOf(there, fields));
  return html`
    <div class="runs">
      <h1 class="said">Compare</h1>
      <${CompareOptions} prefixes=${there} csv=${csv} />
      <p class="sum" role="status">
        ${counted(there.length, "run")}, ${counted(fields.length, all ? "row" : "difference")}${find && " found"}${runs.length > MOST && `; the first ${MOST} of ${runs.length} runs`}
        ${problem && html` <span class="bad">${problem instanceof Error ? problem.message : String(problem)}</span>`}
        ${absent.length > 0 && html` <span class="bad">${counted(absent.length, "run")} not here: ${absent.join(", ")}</span>`}
      </p>
      ${body()}
    </div>
  `;

  function body() {
    if (fields.length === 0 && find) {
      return html`<${Notice} kind="empty" title="Nothing is like that" action=${{ text: "Show all", run: () => go({ find: "" }) }} />`;
    }
    if (fields.length === 0) {
      return html`<${Notice} kind="empty" title="They agree in everything" text="Parameters, metrics and context have the same names and values."
        action=${all ? undefined : { text: "Show what they have", run: () => go({ all: true }) }} />`;
    }
    return turned
      ? html`<${RunsAsRows} key="turned" prefixes=${there} rows=${rows} base=${base} />`
      : html`<${RunsAsColumns} key="plain" prefixes=${there} rows=${rows} base=${base} />`;
  }
}

/** @param {{ prefixes: string[], rows: import("../pure/comparison.js").Row[], base: number }} props */
function RunsAsColumns({ prefixes, rows, base }) {
  const { closed } = view.value;
  const widths = useMemo(() => {
    const some = rows.flatMap(({ field }) => field ?? []).slice(0, MEASURED);
    return prefixes.map((prefix, at) => widthFor([`— ${prefix.split("/").at(-1)} baseline`, ...some.map((field) => shown(field, at))]));
  }, [prefixes, rows]);
  const columns = prefixes.map((prefix, at) => ({
    key: prefix, title: prefix, width: widths[at], isNumber: false, head: html`<${RunHead} prefix=${prefix} isBaseline=${at === base} />`,
  }));
  const heads = rows.map(({ key, title, field, depth, isOpen, count, name }) => ({
    key, depth,
    isOpen: field ? null : isOpen,
    head: field
      ? html`<span class="text">${title}</span>${field.detail && html`<small>${field.detail}</small>`}`
      : html`<svg class="turn" viewBox="0 0 8 8" width="8" height="8" aria-hidden="true"><path d=${isOpen ? "M.5 2h7L4 7z" : "M2 .5v7L7 4z"} /></svg>
          <b>${title}</b><small>${count}</small>`,
    title: field ? fullName(field) : name,
  }));
  const act = (/** @type {string} */ key, /** @type {number} */ row, /** @type {number} */ column) => {
    const { field, name, isOpen } = rows[row] ?? {};
    if (key === "Enter" && field === null && name) go({ closed: isOpen ? [...closed, name] : closed.filter((one) => one !== name) }, { replace: true });
    else return ofRun(key, prefixes[column]);
    return true;
  };
  return html`<${Sheet} label="Runs side by side" corner="name" rows=${heads} columns=${columns} act=${act}
    cell=${(/** @type {number} */ row, /** @type {number} */ column) => cellOf(/** @type {Field} */ (rows[row].field), column, base)} />`;
}

/** @param {{ prefixes: string[], rows: import("../pure/comparison.js").Row[], base: number }} props */
function RunsAsRows({ prefixes, rows, base }) {
  const fields = useMemo(() => rows.flatMap(({ field }) => field ?? []), [rows]);
  const columns = useMemo(() => fields.map((field) => {
    const groups = field.path.slice(0, -1).join(" · ");
    const head = html`<span class="two"><b>${field.path.at(-1)}</b><small>${field.detail || groups}</small></span>`;
    const width = widthFor([field.path.at(-1) ?? "", field.detail || groups, ...field.values.slice(0, MEASURED).map((_, run) => shown(field, run))]);
    return { key: JSON.stringify([field.path, field.detail]), head, title: fullName(field), width, isNumber: isNumeric(field) };
  }), [fields]);
  const heads = prefixes.map((prefix, at) => ({
    key: prefix, title: prefix, depth: 0, isOpen: null, head: html`<${RunHead} prefix=${prefix} isBaseline=${at === base} />`,
  }));
  return html`<${Sheet} label="Runs side by side" corner="run" rows=${heads} columns=${columns}
    act=${(/** @type {string} */ key, /** @type {number} */ row) => ofRun(key, prefixes[row])}
    cell=${(/** @type {number} */ row, /** @type {number} */ column) => cellOf(fields[column], row, base)} />`;
}

/** @param {string[]} texts of a column @returns {number} pixels */
function widthFor(texts) {
  return Math.min(WIDEST, Math.round(Math.max(...texts.map((text) => widthOf(text.slice(0, MEASURED))))) + SIDES);
}

/** @param {string} key @param {string | undefined} prefix */
function ofRun(key, prefix) {
  if (prefix === undefined) return false;
  if (key === "Enter") go({ ...DEFAULT, page: "run", prefix });
  else if (key === "b") go({ baseline: view.value.baseline === prefix ? "" : prefix });
  else return false;
  return true;
}

/** @param {{ prefix: string, isBaseline: boolean }} props */
function RunHead({ prefix, isBaseline }) {
  const to = { ...DEFAULT, page: /** @type {const} */ ("run"), prefix };
  return html`<${Swatch} prefix=${prefix} />
    <a class="text" tabindex="-1" href=${href(to)} onClick=${(/** @type {MouseEvent} */ event) => follow(event, to)}>${prefix.split("/").at(-1)}</a>${isBaseline && html`<em>baseline</em>`}`;
}

/** @param {Field} field @param {number} run @param {number} base the baseline's place; -1: there is none */
function cellOf(field, run, base) {
  const value = field.values[run];
  const number = measured(field, value);
  const isOther = base >= 0 && run !== base;
  const content = html`${said(value, shown(field, run))}
    ${isOther && html`<${Delta} column=${{ isNumber: number !== undefined, direction: field.direction }} value=${number} base=${measured(field, field.values[base])} />`}`;
  return {
    content,
    title: `${fullName(field)}: ${value === undefined ? "none" : textOf(value)}`,
    isNumber: isNumeric(field),
    differs: isOther && !areSame(value, field.values[base]),
  };
}

/** Of a metric the digits that matter, of all else each. @param {Field} field @param {number} run */
function shown(field, run) {
  const number = measured(field, field.values[run]);
  return typeof number === "number" ? formatNumber(number) : textOf(field.values[run]);
}

/** @param {Field} field */
function fullName(field) {
  return nameOf(field) + (field.statistic && `, ${field.statistic}`);
}

/** @param {unknown} value @param {string} text */
function said(value, text) {
  if (value === undefined) return html`<span class="none">–</span>`;
  if (value === "") return html`<span class="none">empty text</span>`;
  return Number.isNaN(value) ? html`<span class="bad">NaN</span>` : text;
}

/** @param {string[]} prefixes @param {Field[]} fields */
function csvOf(prefixes, fields) {
  const rows = fields.map((field) => [field.path[0], nameOf(field), field.statistic, ...field.values.map(cellOfFile)]);
  return toCsv([["kind", "name", "statistic", ...prefixes], ...rows]);
}

/** @param {unknown} value */
function cellOfFile(value) {
  return value === undefined || typeof value === "number" || value instanceof Written ? value : textOf(value);
}
