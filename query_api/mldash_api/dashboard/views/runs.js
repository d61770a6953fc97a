// The table of runs: search, columns, order, groups, selection.

import { go, view } from "../address.js";
import { ask, localFolder, wasCancelled } from "../api.js";
import { html, useEffect, useMemo, useState } from "../frame.js";
import { chosenColumns, columnOf, nextSort } from "../pure/columns.js";
import { allOf } from "../pure/fields.js";
import { counted } from "../pure/numbers.js";
import { DEFAULT } from "../pure/view.js";
import { toCsv } from "../pure/csv.js";
import { Dialog } from "../widgets/dialog.js";
import { save } from "../widgets/download.js";
import { FieldMenu } from "../widgets/field_menu.js";
import { Grid } from "../widgets/grid.js";
import { Groups } from "../widgets/groups.js";
import { Later } from "../widgets/later.js";
import { Notice, ProblemNotice } from "../widgets/notice.js";
import { Search } from "../widgets/search.js";
import { askRows } from "./rows.js";
import { useRuns } from "./runs_data.js";
import { useLiveRuns } from "./runs_live.js";

const MOST_COLUMNS = 500;
const MOST_GROUPS = 4;
const MOST_CHARTED = 100;

const loadChange = () => import("../widgets/changing/change.js").then(({ ChangeRuns }) => ChangeRuns);

/** @typedef {import("./runs_data.js").Row} Row */

export function Runs() {
  const { filter, sort, columns: chosen, group, pinned, baseline, runs } = view.value;
  const usual = useUsualColumns();
  const fields = chosen.length > 0 ? chosen : usual;
  const columns = useMemo(() => (fields ?? []).map(columnOf), [JSON.stringify(fields)]);
  const [visible, setVisible] = useState(/** @type {string[]} */ ([]));
  const data = useRuns({ filter, sort, fields, visible });
  useLiveRuns({ rows: data.rows, visible, fields: fields ?? [], refresh: data.refresh, recount: data.recount, told: data.told });
  const kept = useKept([...new Set([...pinned, ...(baseline ? [baseline] : [])])], fields ?? [], data.rows);
  const selected = useMemo(() => new Set(runs), [runs]);
  const [isChanging, setChanging] = useState(false);

  const charts = { ...DEFAULT, page: /** @type {const} */ ("charts"), runs: runs.slice(0, MOST_CHARTED) };
  const compare = { ...charts, page: /** @type {const} */ ("compare"), baseline: runs.includes(baseline) ? baseline : "" };

  /** @param {string} prefix */
  const toggled = (prefix) => (selected.has(prefix) ? runs.filter((one) => one !== prefix) : [...runs, prefix]);

  /** @param {string} key @param {Row | null} row @param {import("../pure/columns.js").Column | null} column */
  const act = (key, row, column) => {
    if (key === "Enter" && row) go({ ...DEFAULT, page: "run", prefix: row.prefix });
    else if (key === "Enter" && column) go({ sort: nextSort(sort, column) });
    else if (key === " " && row) go({ runs: toggled(row.prefix) }, { replace: true });
    else if (key === "p" && row) go({ pinned: pinned.includes(row.prefix) ? pinned.filter((one) => one !== row.prefix) : [...pinned, row.prefix] });
    else if (key === "b" && row) go({ baseline: baseline === row.prefix ? "" : row.prefix });
    else if (key === "c" && runs.length > 0) go(charts);
    else if (key === "v" && runs.length > 1) go(compare);
    else if (key === "e" && !localFolder) setChanging(true);
    else return false;
    return true;
  };

  const isEmpty = data.count === 0 && !data.isLoading;
  return html`
    <div class="runs">
      <h1 class="said">Runs</h1>
      <div class="tools">
        <${Search} value=${filter} apply=${(/** @type {string} */ text) => go({ filter: text }, { replace: true })} problem=${data.problem} />
        <${FieldMenu} label="Columns" chosen=${fields ?? []} most=${MOST_COLUMNS} change=${(/** @type {string[]} */ next) => go({ columns: next })} />
        <${FieldMenu} label="Group" chosen=${group} most=${MOST_GROUPS} isCounted change=${(/** @type {string[]} */ next) => go({ group: next })} />
        <button type="button" class="button" onClick=${() => save("runs.csv", "text/csv", csvOf(columns, data.rows))}>CSV</button>
        ${!localFolder && html`<button type="button" class="button" disabled=${data.rows.length === 0} onClick=${() => setChanging(true)}>Change</button>`}
        ${runs.length > 0 && html`
          <button type="button" class="button strong" onClick=${() => go(charts)}>Charts of ${counted(runs.length, "run")}</button>
          ${runs.length > 1 && html`<button type="button" class="button" onClick=${() => go(compare)}>Compare</button>`}
          <button type="button" class="link" onClick=${() => go({ runs: [] }, { replace: true })}>select none</button>`}
      </div>
      <p class="sum" role="status">
        ${data.count === null ? "…" : counted(data.count, "run")}${data.isCut && `, the first ${counted(data.rows.length, "run")} shown: narrow the filter`}
        ${data.fresh > 0 && html`<button type="button" class="link" onClick=${data.reload}>${data.fresh} new: show</button>`}
      </p>
      ${body()}
      ${isChanging && html`<${Dialog} title="Change runs" close=${() => setChanging(false)}><${Later} load=${loadChange} isSmall selected=${runs}
        passing=${data.rows.map(({ prefix }) => prefix)} isAll=${data.rows.length === data.count} changed=${data.changed} hide=${hide} /><//>`}
    </div>
  `;

  function hide() {
    setChanging(false);
    go({ filter: allOf([filter, "not archived"]) });
  }

  function body() {
    const isOfFilter = data.problem?.type === "wrong-filter";
    if (data.problem && !isOfFilter && data.rows.length === 0) return html`<${ProblemNotice} problem=${data.problem} again=${data.reload} />`;
    if (group.length > 0 && fields) {
      const narrow = (/** @type {string[]} */ conditions) => go({ filter: allOf([filter, ...conditions]), group: [] });
      return html`<${Groups} group=${group} filter=${filter} fields=${fields} narrow=${narrow} />`;
    }
    if (isEmpty && filter) {
      return html`<${Notice} kind="empty" title="No run passes this filter" text="Those that have none of its fields pass no condition either."
        action=${{ text: "Show all runs", run: () => go({ filter: "" }) }} />`;
    }
    if (isEmpty) return html`<${First} />`;
    if (data.isLoading && data.rows.length === 0) return html`<${Notice} kind="loading" title="Loading runs …" />`;
    const on = pinned.map((prefix) => kept.get(prefix)).filter((row) => row !== undefined);
    return html`<${Grid} columns=${columns} rows=${data.rows} pinned=${on} baseline=${baseline ? kept.get(baseline) : undefined} count=${data.count ?? 0}
      sort=${sort} selected=${selected} isBusy=${data.isLoading} act=${act} onVisible=${setVisible} />`;
  }
}

function First() {
  const where = localFolder ? `root=${JSON.stringify(localFolder)}` : `remote="${new URL(".", location.href).href.replace(/\/$/, "")}"`;
  const line = `Experiment("me/project/first", ${where})`;
  return html`<${Notice} kind="empty" title="No runs yet" text="The first one shows up here by itself. In Python:"><pre>${line}</pre><//>`;
}

/** @returns {string[] | null} null: not known yet */
function useUsualColumns() {
  const [usual, setUsual] = useState(/** @type {string[] | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    const known = (/** @type {string} */ prefix, /** @type {number} */ limit) =>
      ask("v1/fields", { prefix, limit }, stop.signal).then(({ fields }) => fields);
    Promise.all([known("params.", 12), known("metrics.", 400)]).then(
      ([params, metrics]) => setUsual(chosenColumns(params, metrics)),
      (error) => wasCancelled(error) || setUsual(chosenColumns([], [])),
    );
    return () => stop.abort();
  }, []);
  return usual;
}

/**
 * Rows that are shown wherever they stand in the order: those on top, and the baseline.
 * @param {string[]} prefixes @param {string[]} fields @param {Row[]} rows
 */
function useKept(prefixes, fields, rows) {
  const [found, setFound] = useState(/** @type {Map<string, Row>} */ (new Map()));
  const among = new Map(rows.map((row) => [row.prefix, row]));
  const missing = prefixes.filter((prefix) => !among.has(prefix));
  useEffect(() => {
    if (missing.length === 0 || fields.length === 0) return;
    const stop = new AbortController();
    const filter = `prefix in (${missing.map((prefix) => JSON.stringify(prefix)).join(", ")})`;
    askRows({ filter, fields, limit: missing.length }, stop.signal)
      .then((answer) => setFound(new Map(answer.rows.map((row) => [row.prefix, row]))))
      .catch((error) => wasCancelled(error) || setFound(new Map()));
    return () => stop.abort();
  }, [JSON.stringify([missing, fields])]);
  return new Map([...found, ...among]);
}

/** @param {import("../pure/columns.js").Column[]} columns @param {Row[]} rows */
function csvOf(columns, rows) {
  const fields = columns.map(({ field }) => field);
  return toCsv([["prefix", ...fields], ...rows.map((row) => [row.prefix, ...fields.map((field) => row.values[field])])]);
}
