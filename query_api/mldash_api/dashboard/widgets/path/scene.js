// A scene of paths on the page: three canvases, one over the other, for axes, lines and marks; turned by mouse and touch.

import { matrixOf, moved, turned, zoomed } from "../../pure/orbit.js";
import { colourIn, segmentsOf, tintOf } from "../../pure/path.js";
import { FlatLines, sized } from "./flat.js";
import { drawEnds, drawMarks, drawRulers, pixelsBy } from "./marks.js";

/**
 * @typedef {import("../../pure/orbit.js").Eye} Eye
 *
 * @typedef {object} Shown
 * @property {import("../../pure/path.js").Path[]} paths
 * @property {string[]} colours  of whose they are, #rrggbb
 * @property {string[]} texts    at their ends; "": it is the only one
 * @property {import("../../pure/path.js").Box} box
 * @property {[number, number] | null} range  of what colours say
 * @property {string[]} names    of the axes
 *
 * @typedef {object} Reports
 * @property {(eye: Eye) => void} looked  while it is turned
 * @property {() => void} settled         when a movement has ended
 */

const SCALE = ["--scale-0", "--scale-1", "--scale-2", "--scale-3", "--scale-4"];
const THICKNESS = 2;
const TURN = 0.4; // degrees a pixel
const WHEEL = 0.0015;

export class PathScene {
  /** @param {HTMLElement} root @param {Eye} eye @param {(isFlat: boolean) => void} drawnFlat */
  constructor(root, eye, drawnFlat) {
    this.root = root;
    this.eye = eye;
    this.drawnFlat = drawnFlat;
    /** @type {Reports | null} */
    this.reports = null;
    /** @type {Shown | null} */
    this.shown = null;
    /** @type {import("./marks.js").Mark[]} */
    this.marks = [];
    this.under = this.canvas();
    this.middle = this.canvas();
    this.over = this.canvas();
    /** @type {import("./gl.js").GlLines | FlatLines | null} */
    this.lines = null;
    this.isGone = false;
    this.listen();
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(root);
    this.begin();
  }

  async begin() {
    if (!this.middle.getContext("webgl2")) return this.beginFlat(); // whoever cannot draw with it fetches nothing of it
    const found = await import("./gl.js").catch(() => null); // the API is away, or has a newer version
    if (this.isGone) return;
    if (!found) return this.beginFlat();
    this.lines = new found.GlLines(this.middle);
    this.middle.addEventListener("webglcontextlost", () => this.isGone || this.beginFlat());
    this.told(false);
  }

  beginFlat() {
    const next = this.canvas();
    this.middle.replaceWith(next);
    this.middle = next;
    this.lines = new FlatLines(next);
    this.told(true);
  }

  /** @param {boolean} isFlat */
  told(isFlat) {
    this.root.dataset.drawn = isFlat ? "flat" : "webgl";
    this.drawnFlat(isFlat);
    if (this.shown) this.show(this.shown);
  }

  /** @param {Shown | null} shown null: nothing has a position */
  show(shown) {
    this.shown = shown;
    this.root.hidden = !shown;
    if (!shown) return;
    const style = getComputedStyle(this.root);
    const inkOf = (/** @type {string} */ name) => colourIn(style.getPropertyValue(name).trim());
    this.lines?.show(segmentsIn(shown, SCALE.map(inkOf), inkOf("--ink-3")));
    this.draw();
  }

  /** @param {import("./marks.js").Mark[]} marks */
  point(marks) {
    this.marks = marks;
    this.draw();
  }

  /** @param {Eye} eye */
  look(eye) {
    this.eye = eye;
    this.draw();
  }

  draw() {
    const [width, height] = [this.root.clientWidth, this.root.clientHeight];
    if (!this.shown || width === 0) return;
    const style = getComputedStyle(this.root);
    const ink = { text: style.getPropertyValue("--ink"), line: style.getPropertyValue("--line-2"), ground: style.getPropertyValue("--panel") };
    const matrix = matrixOf(this.eye, width, height);
    const at = pixelsBy(matrix, width, height);
    const { box, paths, names, texts, colours } = this.shown;
    const [under, over] = [sized(this.under, width, height), sized(this.over, width, height)];
    if (under) drawRulers(under, box, names, at, ink);
    this.lines?.draw(matrix, width, height, THICKNESS);
    if (!over) return;
    const ends = paths.flatMap((path, which) => endsOf(path).map((position) => ({ text: texts[which], colour: colours[which], position })));
    drawEnds(over, ends, this.marks, box, at, ink);
    drawMarks(over, this.marks, box, this.eye.zoom, at, ink);
  }

  destroy() {
    this.isGone = true;
    this.sizes.disconnect();
    this.lines?.destroy();
    this.root.replaceChildren();
  }

  canvas() {
    const made = document.createElement("canvas");
    made.setAttribute("aria-hidden", "true");
    this.root.append(made);
    return made;
  }

  /** @param {Reports} reports  of the view as it is now */
  hear(reports) {
    this.reports = reports;
  }

  listen() {
    /** @type {{ x: number, y: number, isMove: boolean } | null} */
    let held = null;
    this.root.addEventListener("pointerdown", (event) => {
      held = { x: event.clientX, y: event.clientY, isMove: event.shiftKey || event.button === 2 };
      this.root.setPointerCapture(event.pointerId);
    });
    this.root.addEventListener("pointermove", (event) => {
      if (!held) return;
      const [x, y] = [event.clientX - held.x, event.clientY - held.y];
      const side = Math.min(this.root.clientWidth, this.root.clientHeight);
      this.changed(held.isMove ? moved(this.eye, x / side, -y / side) : turned(this.eye, -x * TURN, y * TURN));
      held = { ...held, x: event.clientX, y: event.clientY };
    });
    const end = () => {
      if (held) this.reports?.settled();
      held = null;
    };
    this.root.addEventListener("pointerup", end);
    this.root.addEventListener("pointercancel", end);
    this.root.addEventListener("contextmenu", (event) => event.preventDefault());
    this.root.addEventListener("wheel", (event) => {
      // Else a page that is scrolled would stop here.
      if (!event.ctrlKey && !this.root.closest("figure")?.contains(document.activeElement)) return;
      event.preventDefault();
      this.changed(zoomed(this.eye, Math.exp(-event.deltaY * WHEEL)));
      this.reports?.settled();
    }, { passive: false });
  }

  /** @param {Eye} eye */
  changed(eye) {
    this.look(eye);
    this.reports?.looked(eye);
  }
}

/**
 * @param {Shown} shown @param {import("../../pure/path.js").Colour[]} scale
 * @param {import("../../pure/path.js").Colour} none  where a colour is to say a number and there is none
 * @returns {import("./gl.js").Segments}
 */
function segmentsIn({ paths, colours, box, range }, scale, none) {
  const parts = paths.map((path, which) => {
    const { from, to, at } = segmentsOf(path, box);
    const whose = colourIn(colours[which]);
    const inks = new Float32Array(from.length);
    at.forEach((entry, segment) => {
      const ink = path.tint ? (range && tintOf(path.tint[entry], range, scale)) ?? none : whose;
      inks.set(ink.map((one) => one / 255), segment * 3);
    });
    return { from, to, colours: inks };
  });
  return { from: joined(parts.map(({ from }) => from)), to: joined(parts.map(({ to }) => to)), colours: joined(parts.map((one) => one.colours)) };
}

/** @param {Float32Array[]} parts */
function joined(parts) {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole;
}

/** Its last position, where it has one. @param {import("../../pure/path.js").Path} path @returns {number[][]} */
function endsOf({ axes }) {
  for (let at = axes[0].length - 1; at >= 0; at--) {
    const position = axes.map((values) => values[at]);
    if (position.every(Number.isFinite)) return [position];
  }
  return [];
}
