// uPlot on the page: made when its card comes into view, fed, and destroyed when it leaves.

import uPlot from "../libraries/uplot.js";
import { colourOf, dashesOf } from "../pure/colours.js";
import { formatNumber } from "../pure/numbers.js";
import { outsideOf, rangeOf, withinReach } from "../pure/scale.js";

/**
 * @typedef {object} Picture
 * @property {number[]} x
 * @property {import("../pure/lines.js").Line[]} lines
 * @property {boolean} isLog
 * @property {boolean} isCut       outliers are out of the scale
 * @property {boolean} isTime
 * @property {[number, number] | null} shown   the part of x that was asked for; null: all
 * @property {number | null} parted  where two runs part
 *
 * @typedef {object} Reports
 * @property {(from: number, to: number) => void} zoomed
 * @property {() => void} whole
 * @property {(index: number | null) => void} pointed
 */

const HEIGHT = 230;
const MARK = 3.5;

export class Plot {
  /** @param {HTMLElement} root @param {Picture} picture @param {Reports} reports */
  constructor(root, picture, reports) {
    this.root = root;
    this.reports = reports;
    this.picture = picture;
    this.made = this.make();
    this.sizes = new ResizeObserver(() => this.made.setSize({ width: Math.max(120, root.clientWidth), height: HEIGHT }));
    this.sizes.observe(root);
  }

  /** @param {Picture} picture @param {Reports} reports  of the view as it is now */
  show(picture, reports) {
    this.reports = reports;
    const isAlike = keyOf(picture) === keyOf(this.picture);
    this.picture = picture;
    if (isAlike) this.made.setData(dataOf(picture));
    else this.again();
  }

  again() {
    this.made.destroy();
    this.made = this.make();
  }

  /** Put the cursor on a place of x. @param {number | null} index  null: away */
  point(index) {
    if (index === null) return this.made.setCursor({ left: -10, top: -10 });
    const left = this.made.valToPos(this.picture.x[index], "x");
    this.made.setCursor({ left, top: HEIGHT / 3 });
  }

  destroy() {
    this.sizes.disconnect();
    this.made.destroy();
  }

  make() {
    const { lines, isLog, isTime } = this.picture;
    const style = getComputedStyle(document.documentElement);
    const ink = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const dashes = dashesOf(lines.map(({ prefix }) => prefix));
    /** @type {object[]} */
    const series = [{}];
    /** @type {object[]} */
    const bands = [];
    const alone = { show: true, size: 5, filter: (/** @type {any} */ u, /** @type {number} */ at) => aloneIn(u.data[at]) };
    lines.forEach((line, at) => {
      const stroke = ink(`--run-${colourOf(line.prefix)}`);
      series.push({
        label: line.prefix, stroke, width: 1.6, dash: dashes[at], spanGaps: line.isSparse,
        points: line.isSparse ? { show: true, size: 4, fill: stroke } : { ...alone, fill: stroke },
      });
      if (line.least === null) return;
      series.push({ width: 0, points: { show: false } }, { width: 0, points: { show: false } });
      bands.push({ series: [series.length - 1, series.length - 2], fill: translucent(stroke) });
    });
    const axis = {
      stroke: ink("--ink-2"), font: "11px system-ui, sans-serif", grid: { stroke: ink("--line"), width: 1 },
      ticks: { stroke: ink("--line-2"), width: 1, size: 4 }, gap: 4,
    };
    const numbers = (/** @type {any} */ _, /** @type {number[]} */ splits) => splits.map((value) => (value === null ? "" : formatNumber(value)));
    const options = {
      width: Math.max(120, this.root.clientWidth), height: HEIGHT, legend: { show: false }, series, bands, padding: [8, 10, 0, 0],
      scales: {
        x: { time: isTime, range: () => this.rangeX() },
        y: {
          distr: isLog ? 3 : 1, range: () => this.rangeY(),
          clamp: (/** @type {any} */ _, /** @type {number} */ __, /** @type {number} */ least) => least,
        },
      },
      axes: [{ ...axis, size: 30, ...(isTime ? {} : { values: numbers }) }, { ...axis, size: 58, values: numbers }],
      cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: "cards", scales: ["x", null] }, points: { size: 7 } },
      hooks: {
        draw: [(/** @type {any} */ u) => this.drawn(u, ink)],
        setSelect: [(/** @type {any} */ u) => this.selected(u)],
        ready: [(/** @type {any} */ u) => this.hear(u)],
      },
    };
    return new uPlot(options, dataOf(this.picture), this.root);
  }

  // The mouse's own events: uPlot's hook speaks up too where keys, or another card, move the cursor.
  /** @param {any} u */
  hear({ over, posToIdx }) {
    over.addEventListener("dblclick", () => this.reports.whole());
    over.addEventListener("mousemove", (/** @type {MouseEvent} */ event) => this.reports.pointed(posToIdx(event.offsetX)));
    over.addEventListener("mouseleave", () => this.reports.pointed(null));
  }

  rangeX() {
    const { x, shown } = this.picture;
    const [least, most] = shown ?? (x.length > 0 ? [x[0], /** @type {number} */ (x.at(-1))] : [0, 1]);
    return least < most ? [least, most] : [least - 0.5, most + 0.5];
  }

  rangeY() {
    const { lines, isLog, isCut } = this.picture;
    return rangeOf(lines, isLog, isCut);
  }

  /** What lies over the lines. @param {any} u @param {(name: string) => string} ink */
  drawn(u, ink) {
    drawMarks(u, this.picture.lines, ink);
    if (this.picture.isCut) drawOutside(u, this.picture, this.rangeY(), ink);
    drawParting(u, this.picture.parted, ink("--ink"));
  }

  /** @param {any} u */
  selected(u) {
    const { left, width } = u.select;
    if (width < 5) return;
    const [from, to] = [u.posToVal(left, "x"), u.posToVal(left + width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.reports.zoomed(from, to);
  }
}

/** @param {Picture} picture */
function dataOf({ x, lines, isLog, isCut }) {
  const lists = lines.flatMap(({ values, least, greatest }) => (least === null || greatest === null ? [values] : [values, least, greatest]));
  return [x, ...(isCut ? withinReach(lists, rangeOf(lines, isLog, isCut), isLog) : lists)];
}

/** What needs another chart when it changes. @param {Picture} picture */
function keyOf({ lines, isLog, isTime }) {
  return JSON.stringify([isLog, isTime, lines.map(({ prefix, least, isSparse }) => [prefix, least !== null, isSparse])]);
}

/** Values between gaps, which no line goes through. @param {(number | null)[]} values */
function aloneIn(values) {
  const found = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null) found.push(at);
  }
  return found;
}

/** @param {any} u @param {import("../pure/lines.js").Line[]} lines @param {(name: string) => string} ink */
function drawMarks(u, lines, ink) {
  const { ctx, bbox } = u;
  const size = MARK * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = 1.4 * devicePixelRatio;
  for (const { prefix, missing, below, beyond } of lines) {
    ctx.strokeStyle = ctx.fillStyle = ink(`--run-${colourOf(prefix)}`);
    const bottom = bbox.top + bbox.height - size;
    atEach(u, missing, (x) => cross(ctx, x, bottom - size, size * 0.8)); // no number there
    atEach(u, below, (x) => wedge(ctx, x, bottom + size * 0.6, size)); // no place on a logarithmic axis
    atEach(u, beyond, (x) => wedge(ctx, x, bbox.top + size * 0.4, -size)); // infinite
  }
  ctx.restore();
}

/** Hollow, where what is filled is infinite. @param {any} u @param {Picture} picture @param {[number, number]} range @param {(name: string) => string} ink */
function drawOutside(u, { x, lines }, range, ink) {
  const { ctx, bbox } = u;
  const size = MARK * devicePixelRatio;
  ctx.save();
  ctx.lineWidth = 1.2 * devicePixelRatio;
  for (const line of lines) {
    ctx.strokeStyle = ink(`--run-${colourOf(line.prefix)}`);
    const { over, under } = outsideOf(x, line, range);
    atEach(u, over, (at) => wedge(ctx, at, bbox.top + size, -size, false));
    atEach(u, under, (at) => wedge(ctx, at, bbox.top + bbox.height - size, size, false));
  }
  ctx.restore();
}

/** @param {any} u @param {number[]} places on x @param {(x: number) => void} draw  with pixels */
function atEach(u, places, draw) {
  const { left, width } = u.bbox;
  for (const place of places) {
    const x = u.valToPos(place, "x", true);
    if (x >= left && x <= left + width) draw(x);
  }
}

/** @param {any} u @param {number | null} parted @param {string} stroke */
function drawParting(u, parted, stroke) {
  if (parted === null) return;
  const { ctx, bbox } = u;
  const x = u.valToPos(parted, "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.lineWidth = 1.2 * devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size */
function cross(ctx, x, y, size) {
  ctx.beginPath();
  ctx.moveTo(x - size, y - size);
  ctx.lineTo(x + size, y + size);
  ctx.moveTo(x + size, y - size);
  ctx.lineTo(x - size, y + size);
  ctx.stroke();
}

/** @param {CanvasRenderingContext2D} ctx @param {number} x @param {number} y @param {number} size below 0: upwards @param {boolean} [isFilled] */
function wedge(ctx, x, y, size, isFilled = true) {
  ctx.beginPath();
  ctx.moveTo(x - Math.abs(size), y - size);
  ctx.lineTo(x + Math.abs(size), y - size);
  ctx.lineTo(x, y + size * 0.6);
  ctx.closePath();
  if (isFilled) ctx.fill();
  else ctx.stroke();
}

/** @param {string} colour #rrggbb */
function translucent(colour) {
  return colour + "2e";
}
