// The one stream of the page. Widgets say what they want to hear of; the stream asks for all of it together.
//
// What is listened to changes by PUT while the stream goes on. When it has ended (readyState 2: any answer but 200, a
// proxy's 502 too), or is silent for too long, a new one is made, which goes on behind the last event that came.

import { addressOf, send } from "./api.js";
import { signal } from "./frame.js";
import { oneAtATime } from "./pure/one_at_a_time.js";
import { SILENT_MS, comesBack, pauseMs } from "./pure/reconnecting.js";
import { together } from "./pure/wanted.js";

/**
 * @typedef {object} Want
 * @property {string[]} prefixes
 * @property {string[]} [scopes]   projects: all experiments below them, also those that come
 * @property {string[]} kinds
 * @property {string[]} [metrics]  names; the unnamed one is ""
 * @property {(event: string, told: any) => void} hear   each stream's part of an event; gaps too, those of all streams
 * @property {() => void} [renewed]   from here on, or up to here, all that is wanted is told: what was read before may lack some
 */

const EVENTS = ["points", "entries", "lines", "params", "status", "fields", "gap"];
const SETTLE_MS = 60; // widgets come and go together
const PATIENCE_MS = 10_000; // with one change: the next one waits for it

/** idle: nobody listens · joining · live · lost: it is tried again · ended: it is not */
export const state = signal(/** @type {"idle" | "joining" | "live" | "lost" | "ended"} */ ("idle"));
/** When something came last, in milliseconds; 0: nothing yet. */
export const heardAt = signal(0);
export const why = signal("");

/** @type {Map<symbol, Want>} */
const wants = new Map();
/** @type {EventSource | null} */
let source = null;
let name = "";
let lastId = "";
let failures = 0;
let asked = "";
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let waiting;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let watching;

/**
 * @param {Want} want
 * @returns {() => void} stops it
 */
export function listen(want) {
  const key = Symbol("want");
  wants.set(key, want);
  settle();
  return () => {
    wants.delete(key);
    settle();
  };
}

function settle() {
  clearTimeout(settling);
  settling = setTimeout(change, SETTLE_MS);
}

// One behind the other: of two that are under way at once, the older one may come last.
const change = oneAtATime(async () => {
  const want = together([...wants.values()]);
  const text = JSON.stringify(want);
  if (text === asked && source) return;
  asked = text;
  if (isNothing(want)) return close();
  if (!source || source.readyState !== EventSource.OPEN) return open();
  const changed = source;
  try {
    await send("PUT", `v1/live/${name}`, { ...want, nonfinite: "string" }, AbortSignal.timeout(PATIENCE_MS));
  } catch {
    if (changed === source) open(); // its name is forgotten, or the API is away: a new stream says all of it
  }
});

function open() {
  end();
  const want = together([...wants.values()]);
  if (isNothing(want)) return;
  name = drawn();
  const query = {
    id: name,
    prefix: want.prefixes,
    scope: want.scopes,
    kind: want.kinds,
    metric: want.metrics,
    nonfinite: "string",
    after: lastId || null,
  };
  state.value = failures > 0 ? "lost" : "joining";
  const made = new EventSource(addressOf("v1/live", query));
  source = made;
  made.onopen = () => {
    failures = 0;
    state.value = "live";
    why.value = "";
    alive();
    if (JSON.stringify(together([...wants.values()])) !== asked) settle();
  };
  made.onerror = () => {
    if (made !== source) return;
    state.value = "lost";
    if (made.readyState === EventSource.CLOSED) again();
  };
  for (const event of EVENTS) made.addEventListener(event, (message) => hear(event, message));
  made.addEventListener("alive", alive);
  for (const event of ["up-to-date", "changed"]) made.addEventListener(event, renewed);
  made.addEventListener("closed", (/** @type {MessageEvent} */ message) => {
    const { reason } = JSON.parse(message.data);
    note(message);
    why.value = reason;
    if (comesBack(reason)) return again();
    end();
    state.value = "ended";
  });
  alive();
}

/** @param {MessageEvent} message */
function note(message) {
  if (message.lastEventId) lastId = message.lastEventId;
  heardAt.value = Date.now();
  alive();
}

/** @param {MessageEvent} message */
function renewed(message) {
  note(message);
  for (const want of [...wants.values()]) want.renewed?.();
}

/** @param {string} event @param {MessageEvent} message */
function hear(event, message) {
  note(message);
  for (const told of JSON.parse(message.data)) {
    for (const want of [...wants.values()]) {
      if ((event === "gap" || want.kinds.includes(event)) && concerns(want, told.prefix)) want.hear(event, told);
    }
  }
}

/** @param {Want} want @param {string | null | undefined} prefix none: of a gap in all that is listened to */
function concerns(want, prefix) {
  if (!prefix) return true;
  return want.prefixes.includes(prefix) || (want.scopes ?? []).some((scope) => prefix.startsWith(scope + "/") || prefix === scope);
}

/** @param {ReturnType<typeof together>} want */
function isNothing(want) {
  return want.prefixes.length === 0 && want.scopes.length === 0;
}

function alive() {
  clearTimeout(watching);
  watching = setTimeout(again, SILENT_MS);
}

function again() {
  end();
  state.value = "lost";
  clearTimeout(waiting);
  waiting = setTimeout(open, pauseMs(failures++, Math.random()));
}

function end() {
  clearTimeout(watching);
  clearTimeout(waiting);
  source?.close();
  source = null;
}

function close() {
  end();
  failures = 0;
  state.value = "idle";
}

function drawn() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

addEventListener("online", () => source || open());
addEventListener("pagehide", end);
addEventListener("pageshow", () => wants.size > 0 && !source && open());
