// A run's tracks: which there are, and what a card of one is drawn of.

import { ask, wasCancelled } from "../api.js";
import { useCallback, useEffect, useState } from "../frame.js";
import { listen } from "../live.js";
import { BANDS } from "../pure/lines.js";
import { gridOf, nameOf } from "../pure/track_grid.js";
import { widened } from "./grid_data.js";

const SAMPLES = 20;
const AGAIN_MS = 1_000;
const ABSOLUTE = 1e8; // timestamps from 1973 on are moments, smaller ones seconds of the robot's own clock

/** @typedef {{ topic: string, description: string | null, tags: string[], totalEntries: number, firstTimestamp: number | null, lastTimestamp: number | null, columns: string[] }} Track */

/**
 * @param {string} prefix
 * @returns {{ tracks: Track[] | null, problem: unknown, again: () => void }} null: not known yet
 */
export function useTracks(prefix) {
  const [tracks, setTracks] = useState(/** @type {Track[] | null} */ (null));
  const [problem, setProblem] = useState(/** @type {unknown} */ (null));
  const [turn, setTurn] = useState(0);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  useEffect(() => {
    const stop = new AbortController();
    ask("v1/tracks", { prefix }, stop.signal).then(
      (answer) => {
        setTracks(answer.tracks);
        setProblem(null);
      },
      (error) => wasCancelled(error) || setProblem(error),
    );
    return () => stop.abort();
  }, [prefix, turn]);
  useEffect(() => {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const hear = (/** @type {string} */ event, /** @type {any} */ told) => {
      if (event === "fields" && told.kind !== "tracks") return;
      timer ??= setTimeout(() => {
        timer = undefined;
        again();
      }, AGAIN_MS);
    };
    const stop = listen({ prefixes: [prefix], kinds: ["fields"], hear });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [prefix]);
  return { tracks, problem, again };
}

/**
 * Some entries, from which one sees what fields hold: the first ones, and the last.
 * @param {string} prefix @param {Track | undefined} track
 */
export function useSamples(prefix, track) {
  const [samples, setSamples] = useState(/** @type {import("../pure/track_grid.js").Entry[] | null} */ (null));
  const key = JSON.stringify([prefix, track?.topic, track?.columns]);
  useEffect(() => {
    setSamples(null);
    if (!track) return;
    const stop = new AbortController();
    const query = { prefix, topic: track.topic, nonfinite: "string" };
    const last = track.lastTimestamp === null ? null : ask("v1/tracks/at", { ...query, times: track.lastTimestamp }, stop.signal);
    Promise.all([ask("v1/tracks/entries", { ...query, limit: SAMPLES }, stop.signal), last]).then(
      ([first, at]) => setSamples([...first.entries, ...(at?.entries ?? []).filter(Boolean)]),
      (error) => wasCancelled(error) || setSamples([]), // then all fields count as numbers, and their cards say what is wrong
    );
    return () => stop.abort();
  }, [key]);
  return samples;
}

/**
 * One field of a track.
 * @param {string} prefix @param {Track} track @param {import("../pure/track_grid.js").Place} place
 * @returns {import("../widgets/answer.js").Source}
 */
export function trackSource(prefix, track, place) {
  return {
    key: JSON.stringify([prefix, track.topic, place]),
    x: "timestamp",
    isTime: (track.firstTimestamp ?? 0) > ABSOLUTE,
    ask: async ({ from, to, width, halfLife }, signal) => {
      const { margin, columns } = widened({ from, to, width, halfLife });
      const start = from === null ? null : from - margin;
      const query = { prefix, topic: track.topic, columns: [place.field], start, end: to, points: columns, statistics: BANDS, nonfinite: "string" };
      const answer = await ask("v1/tracks/grid", query, signal);
      return { ...gridOf(answer, place, prefix), total: answer.totalEntries, isSampled: false };
    },
    want: { prefixes: [prefix], kinds: ["entries"] },
    isOf: (told) => (told.kind ?? "tracks") === "tracks" && (told.topic ?? told.name) === track.topic,
    isTrack: true,
  };
}

/** @param {Track} track @param {import("../pure/track_grid.js").Place} place */
export function cardOf(track, place) {
  return { metric: track.topic, field: nameOf(place) };
}
