// What the page asks of the API. Problems (RFC 9457) come as errors with their fields.

import { base } from "./address.js";
import { parseExact } from "./pure/exact.js";

/** The folder that `mldash view` shows; undefined: an API is asked. */
export const localFolder = document.documentElement.dataset.local;

export class Problem extends Error {
  /** @param {Record<string, any>} told */
  constructor(told) {
    super(told.detail ?? told.title ?? "the API does not answer");
    this.told = told;
    /** @type {string} */
    this.type = told.type ?? "unreachable";
    /** @type {number} 0: there was no answer */
    this.status = told.status ?? 0;
  }
}

/**
 * @param {string} path      behind the base: v1/experiments
 * @param {Record<string, unknown>} [query]  lists are repeated; null and undefined are left out
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function ask(path, query, signal) {
  return (await answer(path, query, { signal, headers: { Accept: "application/json" } })).json();
}

/**
 * The same, with all digits of whole numbers (pure/exact.js).
 * @param {string} path @param {Record<string, unknown>} query @param {AbortSignal} [signal]
 */
export async function askExact(path, query, signal) {
  return parseExact(await (await answer(path, query, { signal, headers: { Accept: "application/json" } })).text());
}

/**
 * @param {string} path @param {AbortSignal} [signal]
 * @returns {Promise<string>}
 */
export async function askText(path, signal) {
  return (await answer(path, {}, { signal, headers: { Accept: "text/plain" } })).text();
}

const COLUMNS = "application/vnd.apache.arrow.stream, application/json;q=0.5";

/**
 * Columns of numbers: the bytes of an Arrow stream, or, where the server has no Arrow, lists as JSON tells them.
 * @param {string} path @param {Record<string, unknown>} query @param {AbortSignal} [signal]
 * @returns {Promise<Uint8Array | any>}
 */
export async function askColumns(path, query, signal) {
  const response = await answer(path, { ...query, nonfinite: "string" }, { signal, headers: { Accept: COLUMNS } });
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  return isJson ? response.json() : new Uint8Array(await response.arrayBuffer());
}

/**
 * @param {string} method @param {string} path @param {unknown} [body] none, or null: nothing is sent with it
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function send(method, path, body = null, signal) {
  const sent = body === null ? {} : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } };
  return (await answer(path, {}, { method, ...sent, signal })).json();
}

/** @param {string} path @param {Record<string, unknown>} [query] */
export function addressOf(path, query = {}) {
  const url = new URL(path, base);
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined) url.searchParams.append(name, String(one));
    }
  }
  return url;
}

/** @param {unknown} error @returns {boolean} whether it only says that nobody waits for the answer any more */
export function wasCancelled(error) {
  return error instanceof DOMException && error.name === "AbortError";
}

/** @param {string} path @param {Record<string, unknown> | undefined} query @param {RequestInit} how */
async function answer(path, query, how) {
  let response;
  try {
    response = await fetch(addressOf(path, query), { cache: "no-store", ...how });
  } catch (error) {
    if (wasCancelled(error)) throw error;
    throw new Problem({ detail: "The API does not answer." });
  }
  if (response.ok) return response;
  const told = await response.json().catch(() => ({ title: response.statusText, status: response.status }));
  throw new Problem(told);
}
