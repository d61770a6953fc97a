// The address is the view: what is shown ↔ path and query. Names in the query stay for ever; defaults are left out.

/**
 * @typedef {object} View
 * @property {"runs" | "run" | "charts" | "compare" | "access" | "status"} page
 * @property {string} prefix    of the run that is shown
 * @property {string} tab       of a run: charts, overview, logs, tracks
 * @property {string} filter    of runs, in the API's grammar
 * @property {string} sort      a field, with - before it descending
 * @property {string[]} columns fields; none: those that the table chooses
 * @property {string[]} group   fields to group runs by, in the table and on charts
 * @property {string[]} pinned  prefixes that stay on top
 * @property {string} baseline  the prefix that others are compared with
 * @property {string[]} runs    prefixes: selected in the table, drawn in charts, compared
 * @property {string} find      of cards a regular expression, of log lines a text, of compared fields words
 * @property {string} x         index, time or a field
 * @property {boolean} log      whether y is logarithmic
 * @property {number} smooth    the half-life of the smoothing in units of x; 0: none
 * @property {boolean} cut      whether outliers are left out of the scale of y (pure/scale.js)
 * @property {string[]} expressions  charts of expressions, by their names (pure/cards.js)
 * @property {string[]} axes      fields of runs that are drawn against each other (pure/plane.js)
 * @property {string} over      how runs of a group are drawn as one line (pure/grouping.js); "": a line a run
 * @property {number | null} from   where charts begin
 * @property {number | null} to     where they end
 * @property {string[]} level   of log lines
 * @property {string} topic     of the track that is shown; "": the first one
 * @property {string[]} position  of a track's path: the names of x, y and z; none: those that look like it
 * @property {string[]} rotation  likewise of a quaternion's x, y, z, w; "none" alone: no rotation is drawn
 * @property {string} tint      what a path's colour says: "", whose it is, "timestamp", or a number of its entries
 * @property {string[]} also    topics of the run whose paths are drawn too
 * @property {boolean} fitted   whether each axis of a path has a scale of its own
 * @property {string} eye       from where a path is looked at (orbit.js); "": as it begins
 * @property {number | null} at  the time that is pointed at; null: the end
 * @property {boolean} all      of compared fields those too in which all runs agree
 * @property {boolean} turned   whether compared runs are rows
 * @property {string[]} closed  groups of compared fields
 * @property {string[]} parted  two runs: where they part is marked on charts
 * @property {string[]} first   charts that stand before all others, by their names (pure/cards.js)
 * @property {string} saved     the saved view that was opened, and which of its versions (pure/saved.js)
 */

/** @type {Readonly<View>} */
export const DEFAULT = Object.freeze({
  page: "runs",
  prefix: "",
  tab: "charts",
  filter: "",
  sort: "-started",
  columns: [],
  group: [],
  pinned: [],
  baseline: "",
  runs: [],
  find: "",
  x: "index",
  log: false,
  smooth: 0,
  cut: false,
  expressions: [],
  axes: [],
  over: "",
  from: null,
  to: null,
  level: [],
  topic: "",
  position: [],
  rotation: [],
  tint: "",
  also: [],
  fitted: false,
  eye: "",
  at: null,
  all: false,
  turned: false,
  closed: [],
  parted: [],
  first: [],
  saved: "",
});

// A name in the query → the field of the view.
const TEXTS = /** @type {const} */ ({ q: "filter", sort: "sort", base: "baseline", tab: "tab", find: "find", x: "x", topic: "topic", saved: "saved", tint: "tint", eye: "eye", over: "over" });
const LISTS = /** @type {const} */ ({ col: "columns", group: "group", pin: "pinned", run: "runs", level: "level", closed: "closed", part: "parted", first: "first", xyz: "position", quat: "rotation", also: "also", expr: "expressions", axis: "axes" });
const NUMBERS = /** @type {const} */ ({ from: "from", to: "to", at: "at" });
const FLAGS = /** @type {const} */ ({ log: "log", all: "all", turned: "turned", fit: "fitted", cut: "cut" });
const PAGES = /** @type {const} */ (["charts", "compare", "access", "status"]);

/**
 * @param {string} path   behind the page's base, without a slash at its begin: "", "charts", "run/a/b"
 * @param {string} query  what stands behind the question mark
 * @returns {View}
 */
export function parseView(path, query) {
  const asked = new URLSearchParams(query);
  /** @type {View} */
  const view = { ...DEFAULT };
  view.page = PAGES.find((page) => page === path) ?? view.page;
  if (path.startsWith("run/")) {
    view.page = "run";
    view.prefix = path.slice("run/".length).split("/").map(decoded).join("/");
  }
  for (const [name, field] of Object.entries(TEXTS)) view[field] = asked.get(name) ?? DEFAULT[field];
  for (const [name, field] of Object.entries(LISTS)) view[field] = [...new Set(asked.getAll(name))];
  for (const [name, field] of Object.entries(NUMBERS)) view[field] = number(asked.get(name));
  for (const [name, field] of Object.entries(FLAGS)) view[field] = asked.get(name) === "1";
  view.smooth = Math.max(0, number(asked.get("smooth")) ?? 0);
  return view;
}

/**
 * @param {View} view
 * @returns {string} path and query behind the page's base
 */
export function formatView(view) {
  const asked = new URLSearchParams();
  for (const [name, field] of Object.entries(TEXTS)) if (view[field] !== DEFAULT[field]) asked.set(name, view[field]);
  for (const [name, field] of Object.entries(LISTS)) for (const one of view[field]) asked.append(name, one);
  for (const [name, field] of Object.entries(NUMBERS)) if (view[field] !== null) asked.set(name, String(view[field]));
  for (const [name, field] of Object.entries(FLAGS)) if (view[field]) asked.set(name, "1");
  if (view.smooth > 0) asked.set("smooth", String(view.smooth));
  const query = asked.toString();
  return pathOf(view) + (query ? "?" + query : "");
}

/** @param {View} view */
function pathOf(view) {
  if (view.page === "run") return "run/" + view.prefix.split("/").map(encodeURIComponent).join("/");
  return view.page === "runs" ? "" : view.page;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % is the name's own
  }
}

/** @param {string | null} text */
function number(text) {
  const value = text === null || text.trim() === "" ? NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}
