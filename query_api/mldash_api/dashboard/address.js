// The view in the address bar: the one place that reads and writes it.

import { signal } from "./frame.js";
import { formatView, parseView } from "./pure/view.js";

/** @typedef {import("./pure/view.js").View} View */

// This module lies at BASE/dashboard/VERSION/: whatever proxy stands in front, the base follows from it.
export const base = new URL("../../", import.meta.url);

/** What is shown. Change it with `go`. */
export const view = signal(read());

addEventListener("popstate", () => (view.value = read()));

/**
 * Show something else. `replace`: without a step for the back button.
 * @param {Partial<View>} changes
 * @param {{ replace?: boolean }} [how]
 */
export function go(changes, { replace = false } = {}) {
  const next = { ...view.value, ...changes };
  const target = href(next);
  if (target !== location.href) history[replace ? "replaceState" : "pushState"](null, "", target);
  view.value = next;
}

/** @param {View} of */
export function href(of) {
  return new URL(formatView(of), base).href;
}

/**
 * Follow a link within the page, unless the browser is to open it elsewhere.
 * @param {MouseEvent} event @param {View} to
 */
export function follow(event, to) {
  if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go(to);
}

function read() {
  return parseView(location.pathname.slice(base.pathname.length), location.search);
}
