// What is drawn of a track as a path: which fields, what colours say, which other tracks and runs.

import { go, view } from "../../address.js";
import { ask, wasCancelled } from "../../api.js";
import { html, useEffect, useState } from "../../frame.js";
import { columnsOf } from "../../pure/path.js";
import { TIME, positionOf, rechosen, rotationOf, rotationsOf } from "../../pure/pose_fields.js";
import { nameOf } from "../../pure/track_grid.js";
import { Path } from "./path.js";

/** @typedef {import("../../pure/track_grid.js").Place} Place */

const NO_ROTATION = "none"; // in the address, where nothing means the one that looks like it
const NONE = /** @type {const} */ (["", "none"]);
const AXES = ["x", "y", "z"];
const MOST_DRAWN = 20;
const MOST_RUNS = 200;

/** @param {{ prefix: string, track: import("../../views/track_data.js").Track, tracks: import("../../views/track_data.js").Track[], places: Place[] }} props */
export function PathOfTrack({ prefix, track, tracks, places }) {
  const { position: chosen, rotation: chosenRotation, tint, also, runs, fitted } = view.value;
  const named = new Map(places.map((place) => [nameOf(place), place]));
  const names = (chosen.length > 0 ? chosen : positionOf(places)).filter((name) => named.has(name));
  if (places.length < 2) return null;
  if (names.length < 2) {
    return html`<p class="path-none dim">No fields look like a position. <button type="button" class="link"
      onClick=${() => go({ position: places.slice(0, 3).map(nameOf) })}>Draw a path all the same</button></p>`;
  }
  const rotation = (chosenRotation.length > 0 ? chosenRotation : rotationOf(places)).filter((name) => named.has(name));
  const placesOf = (/** @type {string[]} */ list) => list.flatMap((name) => named.get(name) ?? []);
  const drawn = [
    { prefix, topic: track.topic },
    ...also.filter((topic) => topic !== track.topic).map((topic) => ({ prefix, topic })),
    ...runs.filter((one) => one !== prefix).map((one) => ({ prefix: one, topic: track.topic })),
  ].slice(0, MOST_DRAWN);
  const position = placesOf(names);
  const tintPlace = tint === TIME ? TIME : named.get(tint) ?? null;
  const fields = new Set([...position, ...(tintPlace && tintPlace !== TIME ? [tintPlace] : [])].map(({ field }) => field));
  const numbers = places.filter(({ field }) => fields.has(field)).length;
  const asked = { drawn, position, rotation: rotation.length === 4 ? placesOf(rotation) : [], tint: tintPlace, numbers, columns: columnsOf(numbers, drawn.length) };
  const numbersOf = [...named.keys()].map((name) => [name, name]);
  return html`
    <section class="section" aria-label="Path">
      <div class="path-options" role="toolbar" aria-label="Of the path">
        ${AXES.map((axis, at) => html`<${Choice} key=${axis} label=${axis} value=${names[at] ?? ""} choices=${at < 2 ? numbersOf : [NONE, ...numbersOf]}
          choose=${(/** @type {string} */ name) => go({ position: rechosen(names, at, name) })} />`)}
        <${Rotation} places=${places} names=${rotation} />
        <${Choice} label="colour" value=${tintPlace === null ? "" : tint} choices=${[["", "run"], [TIME, "time"], ...numbersOf]} choose=${(/** @type {string} */ name) => go({ tint: name })} />
        <label title="Each axis as long as the others. Else all have one scale, as space has."><input type="checkbox" checked=${fitted} onChange=${() => go({ fitted: !fitted })} /> fit axes</label>
        ${drawn.length < MOST_DRAWN && html`<${Others} prefix=${prefix} track=${track} tracks=${tracks} drawn=${drawn} />`}
        ${drawn.slice(1).map((one) => html`<${Drawn} key=${JSON.stringify(one)} one=${one} text=${one.prefix === prefix ? one.topic : one.prefix.split("/").at(-1)} isAlso=${one.prefix === prefix} />`)}
      </div>
      <${Path} asked=${asked} names=${names} tintName=${tintPlace === null ? "" : tint} />
    </section>
  `;
}

/** @param {{ one: import("../../views/path_data.js").Drawn, text: string, isAlso: boolean }} props  isAlso: another track of the run */
function Drawn({ one, text, isAlso }) {
  const { also, runs } = view.value;
  const without = () => (isAlso ? { also: also.filter((topic) => topic !== one.topic) } : { runs: runs.filter((run) => run !== one.prefix) });
  return html`<button type="button" class="button" title=${`${one.prefix} ${one.topic}`} aria-label=${`${text}: draw no more`} onClick=${() => go(without())}>
    ${text} <span aria-hidden="true">×</span></button>`;
}

/** @param {{ label: string, value: string, choices: (readonly string[])[], choose: (name: string) => void }} props */
function Choice({ label, value, choices, choose }) {
  return html`<label>${label} <select value=${value} onChange=${(/** @type {any} */ { target }) => choose(target.value)}>
    ${choices.map(([one, text]) => html`<option key=${one} value=${one}>${text}</option>`)}</select></label>`;
}

/** @param {{ places: Place[], names: string[] }} props */
function Rotation({ places, names }) {
  // Either order of a list of four: who wrote it knows which.
  const orders = rotationsOf(places).flatMap((one) => {
    const [first, ...rest] = [...one].sort();
    return one[0].endsWith("]") ? [one, [first, ...rest], [...rest, first]] : [one];
  });
  const choices = new Map([[NO_ROTATION, [NO_ROTATION]], ...orders.map((one) => /** @type {const} */ ([shortName(one), one]))]);
  if (choices.size === 1) return null;
  const value = names.length === 4 ? shortName(names) : NO_ROTATION;
  return html`<label title="A quaternion: its x, y, z, w">rotation <select value=${value} onChange=${(/** @type {any} */ { target }) => go({ rotation: choices.get(target.value) ?? [] })}>
    ${[...choices.keys()].map((one) => html`<option key=${one} value=${one}>${one}</option>`)}</select></label>`;
}

/** @param {string[]} names  of x, y, z, w */
function shortName(names) {
  const field = names[0].replace(/\[\d+\]$/, "");
  if (names.every((name, at) => name === `${field}[${at}]`)) return `${field}: x, y, z, w`;
  if (names.every((name, at) => name === `${field}[${(at + 1) % 4}]`)) return `${field}: w, x, y, z`;
  return names.join(", ");
}

/** @param {{ prefix: string, track: { topic: string }, tracks: { topic: string }[], drawn: import("../../views/path_data.js").Drawn[] }} props */
function Others({ prefix, track, tracks, drawn }) {
  const scope = prefix.split("/").slice(0, -1).join("/");
  const [siblings, setSiblings] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    const stop = new AbortController();
    const query = { filter: `prefix starts with ${JSON.stringify(`${scope}/`)}`, fields: ["prefix"], sort: "prefix", limit: MOST_RUNS };
    ask("v1/experiments", query, stop.signal).then(
      ({ experiments }) => setSiblings(experiments.map((/** @type {any} */ one) => one.prefix)),
      (error) => wasCancelled(error) || setSiblings([]), // runs are then added by the address alone
    );
    return () => stop.abort();
  }, [scope]);
  const isDrawn = (/** @type {string} */ run, /** @type {string} */ topic) => drawn.some((one) => one.prefix === run && one.topic === topic);
  const topics = tracks.map(({ topic }) => topic).filter((topic) => !isDrawn(prefix, topic));
  const runs = siblings.filter((run) => !isDrawn(run, track.topic));
  if (topics.length + runs.length === 0) return null;
  return html`<label>also <select value="" onChange=${(/** @type {any} */ { target }) => {
    const [kind, name] = JSON.parse(target.value);
    target.value = "";
    go(kind === "topic" ? { also: [...view.value.also, name] } : { runs: [...view.value.runs, name] });
  }}>
    <option value="" disabled>draw …</option>
    ${topics.length > 0 && html`<optgroup label="tracks of this run">${topics.map((topic) => html`<option key=${topic} value=${JSON.stringify(["topic", topic])}>${topic}</option>`)}</optgroup>`}
    ${runs.length > 0 && html`<optgroup label="this track of other runs">${runs.map((run) => html`<option key=${run} value=${JSON.stringify(["run", run])}>${run.slice(scope.length + 1)}</option>`)}</optgroup>`}
  </select></label>`;
}
