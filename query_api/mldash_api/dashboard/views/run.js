// One run: its charts, what it was made with, its log, its tracks.

import { follow, href, view } from "../address.js";
import { Problem, ask, localFolder, wasCancelled } from "../api.js";
import { html, useEffect, useMemo, useState } from "../frame.js";
import { listen } from "../live.js";
import { DEFAULT } from "../pure/view.js";
import { formatAge } from "../pure/times.js";
import { Cards } from "../widgets/cards.js";
import { Dialog } from "../widgets/dialog.js";
import { Later } from "../widgets/later.js";
import { Logs } from "../widgets/logs.js";
import { Notice, ProblemNotice } from "../widgets/notice.js";
import { Overview } from "../widgets/overview.js";
import { Status } from "../widgets/status.js";
import { Swatch } from "../widgets/swatch.js";
import { useCompared } from "./compared.js";

const TABS = [["charts", "Charts"], ["overview", "Overview"], ["logs", "Log"], ["tracks", "Tracks"]];

const loadShare = () => import("../widgets/share.js").then(({ Share }) => Share);
const loadTracks = () => import("../widgets/tracks.js").then(({ Tracks }) => Tracks);

export function Run() {
  const { prefix, tab } = view.value;
  const { experiment, problem, again } = useExperiment(prefix);
  const prefixes = useMemo(() => [prefix], [prefix]);
  const compared = useCompared(prefixes);
  const [isShared, setShared] = useState(false);
  if (problem && !experiment) return html`<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!experiment) return html`<${Notice} kind="loading" title="Loading the run …" />`;
  return html`
    <div class=${tab === "logs" ? "fill" : "scroll"}>
      <header class="title">
        <${Swatch} prefix=${prefix} />
        <h1><small>${prefix.split("/").slice(0, -1).join("/")}/</small>${prefix.split("/").at(-1)}</h1>
        <${Status} status=${experiment.status} />
        <span class="dim">${formatAge(experiment.created_at, Date.now())}</span>
        ${experiment.tags.map((/** @type {string} */ tag) => html`<span class="tag" key=${tag}>${tag}</span>`)}
        ${!localFolder && html`<button type="button" class="link" onClick=${() => setShared(true)}>share</button>`}
      </header>
      ${isShared && html`<${Dialog} title=${`Share ${prefix}`} close=${() => setShared(false)}><${Later} load=${loadShare} isSmall prefix=${prefix} /><//>`}
      <nav class="tabs" aria-label="Of this run">
        ${TABS.map(([name, text]) => {
          const to = { ...DEFAULT, page: /** @type {const} */ ("run"), prefix, tab: name };
          return html`<a key=${name} href=${href(to)} aria-current=${tab === name ? "page" : null} onClick=${(/** @type {MouseEvent} */ event) => follow(event, to)}>${text}</a>`;
        })}
      </nav>
      ${body()}
    </div>
  `;

  function body() {
    if (tab === "logs") return html`<${Logs} key=${prefix} prefix=${prefix} />`;
    if (tab === "tracks") return html`<${Later} key=${`tracks ${prefix}`} load=${loadTracks} />`;
    if (compared.problem && !compared.found) return html`<${ProblemNotice} problem=${compared.problem} again=${compared.again} />`;
    if (!compared.found) return html`<${Notice} kind="loading" title="Loading …" />`;
    if (tab === "overview") return html`<${Overview} experiment=${experiment} compared=${compared.found} />`;
    return html`<${Cards} statistics=${compared.found.statistics} prefixes=${prefixes} />`;
  }
}

/**
 * The experiment, kept up to date by the stream.
 * @param {string} prefix
 */
function useExperiment(prefix) {
  const [experiment, setExperiment] = useState(/** @type {any} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    ask("v1/experiment", { prefix }, stop.signal).then(
      (answer) => {
        setExperiment(answer);
        setProblem(null);
      },
      (error) => wasCancelled(error) || setProblem(error),
    );
    return () => stop.abort();
  }, [prefix, turn]);
  useEffect(
    () =>
      listen({
        prefixes: [prefix],
        kinds: ["status"],
        hear: (_, told) => {
          if (told.experiment === undefined) return;
          setExperiment(told.experiment);
          setProblem(told.experiment ? null : new Problem({ type: "not-found", status: 404, detail: `${prefix} is not here (any more)` }));
        },
      }),
    [prefix],
  );
  return { experiment, problem, again: () => setTurn((before) => before + 1) };
}
