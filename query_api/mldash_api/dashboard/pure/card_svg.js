// A card's picture as SVG: what uPlot draws on the page, with axes, legend and names of its own.

import { colourOf, dashesOf } from "./colours.js";
import { outsideOf, rangeOf } from "./scale.js";
import { formatNumber } from "./numbers.js";
import { logTicksOf, ticksOf } from "./ticks.js";
import { formatMoment } from "./times.js";

export const WIDTH = 760;
const PLOT = { left: 66, top: 44, width: 676, height: 300 };
const LINE = 18;
const MARK = 4;
const FAR = 1e6; // pixels: what lies further off is cut off anyhow, and not all that draw SVG take greater ones
const FONT = `font-family="system-ui, 'Segoe UI', 'Helvetica Neue', 'DejaVu Sans', sans-serif"`;

/**
 * @typedef {object} Picture
 * @property {string} title
 * @property {string} told      of how many points it is made
 * @property {readonly string[]} notes  lines below the legend
 * @property {number[]} x
 * @property {import("./lines.js").Line[]} lines
 * @property {boolean} isLog
 * @property {boolean} isCut    outliers are out of the scale
 * @property {boolean} isTime
 * @property {readonly [number, number] | null} shown
 * @property {number | null} parted
 * @property {(name: string) => string} ink  a colour of the page by its custom property
 */

/**
 * @param {Picture} picture
 * @returns {{ text: string, width: number, height: number }}
 */
export function svgOf(picture) {
  const { title, told, notes, lines, ink } = picture;
  const { left, top, width, height } = PLOT;
  const bottom = top + height + 44;
  const total = bottom + (lines.length + notes.length) * LINE + 12;
  const dashes = dashesOf(lines.map(({ prefix }) => prefix));
  const place = placesIn(picture);
  const text = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${total}" viewBox="0 0 ${WIDTH} ${total}" ${FONT} font-size="12">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" fill="${ink("--panel")}"/>`,
    `<text x="16" y="26" font-size="15" font-weight="600" fill="${ink("--ink")}">${escaped(title)}</text>`,
    `<text x="${left + width}" y="26" text-anchor="end" fill="${ink("--ink-2")}">${escaped(told)}</text>`,
    axes(picture, place),
    `<clipPath id="plot"><rect x="${left}" y="${top}" width="${width}" height="${height}"/></clipPath><g clip-path="url(#plot)" fill="none">`,
    ...lines.map((line, at) => drawn(line, picture, place, ink(`--run-${colourOf(line.prefix)}`), dashes[at])),
    picture.parted === null ? "" : `<path d="M${dot(place.x(picture.parted))} ${top}V${top + height}" stroke="${ink("--ink")}" stroke-dasharray="4 3"/>`,
    "</g>",
    ...lines.map((line, at) => legend(line, bottom + at * LINE, ink, dashes[at])),
    ...notes.map((note, at) => `<text x="16" y="${bottom + (lines.length + at) * LINE + 4}" font-size="11" fill="${ink("--ink-2")}">${escaped(note)}</text>`),
    "</svg>\n",
  ];
  return { text: text.join("\n"), width: WIDTH, height: total };
}

/**
 * Text of XML: no markup, and no character that XML cannot hold.
 * @param {string} text
 */
export function escaped(text) {
  const held = text.replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, "\ufffd");
  return held.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** @param {Picture} picture */
function placesIn({ x, lines, isLog, isCut, shown }) {
  const [first, last] = shown ?? (x.length > 0 ? [x[0], /** @type {number} */ (x.at(-1))] : [0, 1]);
  const [from, to] = first < last ? [first, last] : [first - 0.5, last + 0.5];
  const [least, greatest] = rangeOf(lines, isLog, isCut);
  const scale = (/** @type {number} */ value) => (isLog ? Math.log10(value) : value);
  const [low, high] = [scale(least), scale(greatest)];
  return {
    from, to, least, greatest,
    x: (/** @type {number} */ value) => PLOT.left + ((value - from) / (to - from)) * PLOT.width,
    y: (/** @type {number} */ value) => Math.max(-FAR, Math.min(FAR, PLOT.top + PLOT.height - ((scale(value) - low) / (high - low)) * PLOT.height)),
  };
}

/** @param {Picture} picture @param {ReturnType<typeof placesIn>} place */
function axes({ isLog, isTime, ink }, place) {
  const { left, top, width, height } = PLOT;
  const across = ticksOf(place.from, place.to, isTime ? 3 : 8).map((value) => {
    const at = dot(place.x(value));
    return `<path d="M${at} ${top}V${top + height}" stroke="${ink("--line")}"/><text x="${at}" y="${top + height + 18}" text-anchor="middle">${escaped(isTime ? formatMoment(value) : formatNumber(value))}</text>`;
  });
  const up = (isLog ? logTicksOf : ticksOf)(place.least, place.greatest, 6).map((value) => {
    const at = dot(place.y(value));
    return `<path d="M${left} ${at}H${left + width}" stroke="${ink("--line")}"/><text x="${left - 8}" y="${dot(place.y(value) + 4)}" text-anchor="end">${escaped(formatNumber(value))}</text>`;
  });
  return `<g font-size="11" fill="${ink("--ink-2")}">${across.join("")}${up.join("")}</g>`;
}

/**
 * @param {import("./lines.js").Line} line @param {Picture} picture @param {ReturnType<typeof placesIn>} place
 * @param {string} colour @param {number[]} dash
 */
function drawn(line, { x, isCut }, place, colour, dash) {
  const at = (/** @type {number} */ index, /** @type {number} */ value) => `${dot(place.x(x[index]))} ${dot(place.y(value))}`;
  const { least, greatest, values, isSparse } = line;
  const parts = [];
  if (least !== null && greatest !== null) {
    for (const [from, to] of stretchesOf(least.map((value, at) => (greatest[at] === null ? null : value)))) {
      const forth = range(from, to).map((index) => at(index, /** @type {number} */ (greatest[index])));
      const back = range(from, to).reverse().map((index) => at(index, /** @type {number} */ (least[index])));
      parts.push(`<path d="M${[...forth, ...back].join("L")}Z" fill="${colour}" fill-opacity="0.18"/>`);
    }
  }
  const stretches = stretchesOf(values);
  const there = (/** @type {number} */ from, /** @type {number} */ to) => range(from, to).map((index) => at(index, /** @type {number} */ (values[index])));
  const paths = isSparse ? [stretches.flatMap(([from, to]) => there(from, to))] : stretches.map(([from, to]) => there(from, to));
  const whole = paths.filter(({ length }) => length > 1).map((points) => `M${points.join("L")}`).join("");
  const alone = isSparse ? paths.flat() : paths.filter(({ length }) => length === 1).flat();
  if (whole) parts.push(`<path d="${whole}" stroke="${colour}" stroke-width="1.6" stroke-linejoin="round"${dash.length > 0 ? ` stroke-dasharray="${dash.join(" ")}"` : ""}/>`);
  for (const point of alone) parts.push(`<circle cx="${point.replace(" ", '" cy="')}" r="2.2" fill="${colour}"/>`);
  return parts.join("") + marks(line, place, colour) + (isCut ? outside(x, line, place, colour) : "");
}

/** @param {number[]} x @param {import("./lines.js").Line} line @param {ReturnType<typeof placesIn>} place @param {string} colour */
function outside(x, line, place, colour) {
  const { over, under } = outsideOf(x, line, [place.least, place.greatest]);
  const bottom = PLOT.top + PLOT.height;
  const up = over.map((at) => `M${dot(place.x(at) - MARK)} ${PLOT.top + 2 * MARK}l${MARK} ${-1.6 * MARK}l${MARK} ${1.6 * MARK}z`).join("");
  const down = under.map((at) => `M${dot(place.x(at) - MARK)} ${bottom - 2 * MARK}l${MARK} ${1.6 * MARK}l${MARK} ${-1.6 * MARK}z`).join("");
  return up + down && `<path d="${up}${down}" stroke="${colour}" stroke-width="1.2"/>`;
}

/** @param {import("./lines.js").Line} line @param {ReturnType<typeof placesIn>} place @param {string} colour */
function marks({ missing, below, beyond }, place, colour) {
  const bottom = PLOT.top + PLOT.height - MARK;
  const cross = missing.map((x) => `M${dot(place.x(x) - MARK)} ${bottom - 2 * MARK}l${2 * MARK} ${2 * MARK}m0 ${-2 * MARK}l${-2 * MARK} ${2 * MARK}`).join("");
  const down = below.map((x) => `M${dot(place.x(x) - MARK)} ${bottom - MARK}h${2 * MARK}l${-MARK} ${1.6 * MARK}z`).join("");
  const up = beyond.map((x) => `M${dot(place.x(x) - MARK)} ${PLOT.top + 2 * MARK}h${2 * MARK}l${-MARK} ${-1.6 * MARK}z`).join("");
  return (cross && `<path d="${cross}" stroke="${colour}" stroke-width="1.4"/>`) + (down + up && `<path d="${down}${up}" fill="${colour}"/>`);
}

/** @param {import("./lines.js").Line} line @param {number} y @param {(name: string) => string} ink @param {number[]} dash */
function legend({ prefix, name, isGroup, values }, y, ink, dash) {
  const last = values.findLast((value) => value !== null) ?? null;
  const stroke = ink(`--run-${colourOf(prefix)}`);
  return `<path d="M16 ${y}h26" stroke="${stroke}" stroke-width="2.4"${dash.length > 0 ? ` stroke-dasharray="${dash.join(" ")}"` : ""}/>`
    + `<text x="50" y="${y + 4}" fill="${ink("--ink")}">${escaped(isGroup ? name : prefix)} <tspan font-weight="600">${last === null ? "–" : escaped(formatNumber(last))}</tspan></text>`;
}

/** Where values stand in turn: first and last of each. @param {readonly (number | null)[]} values */
function stretchesOf(values) {
  /** @type {[number, number][]} */
  const found = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] === null) continue;
    const last = found.at(-1);
    if (last && last[1] === at - 1) last[1] = at;
    else found.push([at, at]);
  }
  return found;
}

/** @param {number} from @param {number} to the last one */
function range(from, to) {
  return Array.from({ length: to - from + 1 }, (_, at) => from + at);
}

/** @param {number} value */
function dot(value) {
  return String(Math.round(value * 100) / 100);
}
