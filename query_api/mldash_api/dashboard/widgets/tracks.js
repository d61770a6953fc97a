// A run's tracks: one topic at a time, its fields over time, and its files.

import { go, view } from "../address.js";
import { addressOf, localFolder } from "../api.js";
import { html } from "../frame.js";
import { patternOf, sectionOf } from "../pure/cards.js";
import { formatNumber } from "../pure/numbers.js";
import { nameOf, placesOf } from "../pure/track_grid.js";
import { formatMoment } from "../pure/times.js";
import { cardOf, trackSource, useSamples, useTracks } from "../views/track_data.js";
import { Card } from "./card.js";
import { ChartOptions } from "./chart_options.js";
import { Notice, ProblemNotice } from "./notice.js";
import { PathOfTrack } from "./path/options.js";

const FORMATS = /** @type {const} */ ([
  ["MCAP", "mcap", "mcap"], ["mocap", "mocap", "mocap.json"], ["Parquet", "parquet", "parquet"], ["JSON lines", "jsonl", "jsonl"], ["JSON", "json", "json"],
  ["MessagePack", "msgpack", "msgpack"],
]);
const NONE = /** @type {string[]} */ ([]);
const ANEW = { from: null, to: null, find: "", smooth: 0, position: NONE, rotation: NONE, tint: "", also: NONE, fitted: false, eye: "", at: null };

export function Tracks() {
  const { prefix, topic } = view.value;
  const { tracks, problem, again } = useTracks(prefix);
  const track = tracks?.find((one) => one.topic === topic) ?? (topic === "" ? tracks?.[0] : undefined);
  const samples = useSamples(prefix, track);
  if (problem && !tracks) return html`<${ProblemNotice} problem=${problem} again=${again} />`;
  if (!tracks) return html`<${Notice} kind="loading" title="Loading tracks …" />`;
  if (tracks.length === 0) return html`<${Notice} kind="empty" title="No tracks" text="They come when the first entry is appended: experiment.tracks(topic).append(…)" />`;
  if (!track) return html`<${Notice} kind="empty" title="This run has no such track" text=${topic} action=${{ text: "Show the first one", run: () => go({ topic: "" }) }} />`;
  return html`
    <div class="track">
      <label>track <select value=${track.topic} onChange=${(/** @type {any} */ { target }) => go({ ...ANEW, topic: target.value })}>
        ${tracks.map((one) => html`<option key=${one.topic} value=${one.topic}>${one.topic}</option>`)}</select></label>
      <span class="dim">${toldOf(track)}</span>
      ${track.tags.map((tag) => html`<span class="tag" key=${tag}>${tag}</span>`)}
      ${track.description && html`<p class="lead">${track.description}</p>`}
      <${Files} prefix=${prefix} track=${track} />
    </div>
    ${samples ? html`<${Fields} key=${track.topic} prefix=${prefix} track=${track} tracks=${tracks} samples=${samples} />` : html`<${Notice} kind="loading" title="Looking at its fields …" />`}
  `;
}

/** @param {{ prefix: string, track: import("../views/track_data.js").Track, tracks: import("../views/track_data.js").Track[], samples: import("../pure/track_grid.js").Entry[] }} props */
function Fields({ prefix, track, tracks, samples }) {
  const { places, others } = placesOf(track.columns, samples);
  const pattern = patternOf(view.value.find);
  const shown = places.filter((place) => !pattern || pattern.test(`${track.topic} ${nameOf(place)}`));
  const section = sectionOf(track.topic);
  return html`
    <${PathOfTrack} prefix=${prefix} track=${track} tracks=${tracks} places=${places} />
    <${ChartOptions} axes=${null} />
    ${shown.length === 0 && html`<${Notice} kind="empty" title=${places.length > 0 ? "No field has such a name" : "No field holds numbers"} />`}
    <section class="section" aria-label=${track.topic}>
      <div class="cards">
        ${shown.map((place) => html`<${Card} key=${nameOf(place)} card=${cardOf(track, place)} section=${section} source=${trackSource(prefix, track, place)} parted=${NONE} />`)}
      </div>
      ${others.length > 0 && html`<p class="dim others">Fields that are no numbers: ${others.join(", ")}</p>`}
    </section>
  `;
}

/** @param {{ prefix: string, track: import("../views/track_data.js").Track }} props */
function Files({ prefix, track }) {
  if (localFolder) return null; // the files lie in the folder
  const { from, to } = view.value;
  const isPart = from !== null || to !== null;
  const name = track.topic.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 120);
  return html`
    <p class="files">${isPart ? "The part that is shown, as" : "All entries, as"}
      ${FORMATS.map(([text, format, ending]) => html` <a key=${format} download=${`${name}.${ending}`}
        href=${addressOf("v1/tracks/export", { prefix, topic: track.topic, format, start: from, end: to }).href}>${text}</a>`)}</p>
  `;
}

/** @param {import("../views/track_data.js").Track} track */
function toldOf({ totalEntries, firstTimestamp, lastTimestamp }) {
  const count = `${formatNumber(totalEntries)} ${totalEntries === 1 ? "entry" : "entries"}`;
  if (firstTimestamp === null || lastTimestamp === null) return count;
  const moment = firstTimestamp > 1e8 ? formatMoment : (/** @type {number} */ seconds) => `${formatNumber(seconds)} s`;
  return `${count}, ${moment(firstTimestamp)} … ${moment(lastTimestamp)}`;
}
