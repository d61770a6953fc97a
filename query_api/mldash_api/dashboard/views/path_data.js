// The paths of some tracks, and where each is at one time.

import { ask, wasCancelled } from "../api.js";
import { useEffect, useRef, useState } from "../frame.js";
import { oneAtATime } from "../pure/one_at_a_time.js";
import { pathOf } from "../pure/path.js";
import { TIME } from "../pure/pose_fields.js";
import { numberOf } from "../pure/columns.js";

/**
 * @typedef {import("../pure/track_grid.js").Place} Place
 * @typedef {{ prefix: string, topic: string }} Drawn
 *
 * @typedef {object} Asked
 * @property {Drawn[]} drawn
 * @property {Place[]} position   two or three
 * @property {Place[]} rotation   four, or none
 * @property {Place | "timestamp" | null} tint
 * @property {number} numbers   that the fields of position and colour hold
 * @property {number} columns   parts of the time, of each path
 *
 * @typedef {{ position: number[], rotation: number[], tint: number | null } | null} Pose  null: it begins later
 */

const NOTHING = /** @type {Pose[]} */ ([]);

/**
 * @param {Asked} asked
 * @returns {import("../widgets/answer.js").Source<import("../pure/path.js").Path[]>}
 */
export function pathSource({ drawn, position, tint, columns: points }) {
  const topics = new Set(drawn.map(({ topic }) => topic));
  const fields = fieldsOf([...position, ...(tint && tint !== TIME ? [tint] : [])]);
  return {
    key: JSON.stringify(["path", drawn, position, tint, points]),
    x: "timestamp",
    isTime: false,
    ask: ({ from, to }, signal) =>
      Promise.all(drawn.map(async ({ prefix, topic }) => {
        const query = { prefix, topic, columns: fields, start: from, end: to, points, statistics: ["count"], with_path: true, nonfinite: "string" };
        return pathOf(await ask("v1/tracks/grid", query, signal), { prefix, topic, position, tint });
      })),
    want: { prefixes: [...new Set(drawn.map(({ prefix }) => prefix))], kinds: ["entries"] },
    isOf: (told) => (told.kind ?? "tracks") === "tracks" && topics.has(told.topic ?? told.name),
  };
}

/**
 * Of each track what held at a time; what was known before stays until more has come, and where it cannot be asked for
 * nothing is known: the card says what is wrong with the path itself.
 * @param {Asked} asked @param {number | null} time
 * @returns {Pose[]}
 */
export function usePoses(asked, time) {
  const key = JSON.stringify([asked.drawn, asked.position, asked.rotation, asked.tint]);
  const [known, setKnown] = useState({ key, poses: NOTHING });
  const newest = useRef({ key, asked, time });
  newest.current = { key, asked, time };
  const look = useRef(/** @type {(() => Promise<void>) | null} */ (null));
  useEffect(() => {
    const stop = new AbortController();
    look.current = oneAtATime(async () => {
      const now = newest.current;
      const at = now.time;
      if (stop.signal.aborted || at === null) return;
      try {
        const poses = await Promise.all(now.asked.drawn.map((one) => poseOf(one, now.asked, at, stop.signal)));
        if (!stop.signal.aborted) setKnown({ key: now.key, poses });
      } catch (error) {
        if (!stop.signal.aborted && !wasCancelled(error)) setKnown({ key: now.key, poses: NOTHING });
      }
    });
    return () => stop.abort();
  }, []);
  useEffect(() => {
    look.current?.();
  }, [key, time]);
  return known.key === key ? known.poses : NOTHING;
}

/** @param {Drawn} drawn @param {Asked} asked @param {number} time @param {AbortSignal} signal @returns {Promise<Pose>} */
async function poseOf({ prefix, topic }, { position, rotation, tint }, time, signal) {
  const places = [...position, ...rotation, ...(tint && tint !== TIME ? [tint] : [])];
  const { entries } = await ask("v1/tracks/at", { prefix, topic, times: time, columns: fieldsOf(places), nonfinite: "string" }, signal);
  const entry = entries[0];
  if (!entry) return null;
  const valueOf = (/** @type {Place} */ { field, part }) => {
    const value = numberOf(part === null ? entry[field] : Array.isArray(entry[field]) ? entry[field][part] : undefined);
    return typeof value === "number" ? value : NaN;
  };
  const found = position.map(valueOf);
  if (found.length === 2) found.push(0);
  return { position: found, rotation: rotation.map(valueOf), tint: tint === TIME ? entry.timestamp : tint && valueOf(tint) };
}

/** @param {Place[]} places */
function fieldsOf(places) {
  return [...new Set(places.map(({ field }) => field))];
}
