// What lies around and over the lines of a scene: its axes with round places, names at the ends of paths, and what is pointed
// at with the axes of its body. Letters say which axis is which, not colours alone.

import { formatNumber } from "../../pure/numbers.js";
import { pixelOf } from "../../pure/orbit.js";
import { placed, rulersOf } from "../../pure/path.js";

/**
 * @typedef {object} Mark  what is pointed at
 * @property {string} colour
 * @property {string} text      whose it is; "": that is clear
 * @property {number[]} position
 * @property {[number, number, number][] | null} axes  of the body; null: it has no rotation
 *
 * @typedef {object} Ink
 * @property {string} text
 * @property {string} line
 * @property {string} ground
 */

const FONT = "11px system-ui, sans-serif";
const BODY = 0.16; // of the scene's radius
const LETTERS = ["x", "y", "z"];
const APART = 5; // pixels from the axis to its numbers
const ASIDE = 10; // from a place to its name
const NEAR = 12;

/**
 * @param {CanvasRenderingContext2D} ctx @param {import("../../pure/path.js").Box} box @param {string[]} names of the axes
 * @param {(point: ArrayLike<number>) => readonly number[]} at @param {Ink} ink
 */
export function drawRulers(ctx, box, names, at, ink) {
  ctx.font = FONT;
  ctx.lineWidth = 1;
  ctx.textBaseline = "middle";
  for (const { axis, from, to, ticks } of rulersOf(box)) {
    const [begin, end] = [at(from), at(to)];
    ctx.strokeStyle = ink.line;
    line(ctx, begin, end);
    const [x, y] = [end[0] - begin[0], end[1] - begin[1]];
    const length = Math.hypot(x, y);
    if (length < 30) continue; // it is looked at from its end
    const aside = y < 0 !== x < 0 && axis !== 2 ? [-y / length, x / length] : [y / length, -x / length];
    const out = aside[1] < 0 && axis !== 2 ? [-aside[0], -aside[1]] : aside;
    ctx.fillStyle = ink.text;
    ctx.textAlign = Math.abs(out[0]) < 0.3 ? "center" : out[0] < 0 ? "right" : "left";
    for (const { at: place, value } of ticks) {
      const [left, top] = at(place);
      line(ctx, [left, top], [left + out[0] * 3, top + out[1] * 3]);
      ctx.fillText(formatNumber(value), left + out[0] * (3 + APART), top + out[1] * (3 + APART * 1.6));
    }
    ctx.textAlign = Math.abs(x / length) < 0.5 ? "center" : x < 0 ? "right" : "left";
    ctx.font = `bold ${FONT}`;
    ctx.fillText(names[axis] ?? LETTERS[axis], end[0] + (x / length) * 12, end[1] + (y / length) * 14);
    ctx.font = FONT;
  }
}

/**
 * Where paths end, with their names, unless what is pointed at lies there and says it.
 * @param {CanvasRenderingContext2D} ctx @param {{ text: string, colour: string, position: number[] }[]} ends @param {Mark[]} marks
 * @param {import("../../pure/path.js").Box} box @param {(point: ArrayLike<number>) => readonly number[]} at @param {Ink} ink
 */
export function drawEnds(ctx, ends, marks, box, at, ink) {
  const told = marks.map(({ position }) => at(placed(box, position)));
  for (const { text, colour, position } of ends) {
    const [x, y] = at(placed(box, position));
    ctx.fillStyle = colour;
    ctx.fillRect(x - 2.5, y - 2.5, 5, 5);
    if (!told.some(([left, top]) => Math.hypot(left - x, top - y) < NEAR)) name(ctx, text, [x, y], [1, 0], ink);
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {Mark[]} marks @param {import("../../pure/path.js").Box} box @param {number} zoom
 * @param {(point: ArrayLike<number>) => readonly number[]} at @param {Ink} ink
 */
export function drawMarks(ctx, marks, box, zoom, at, ink) {
  for (const { colour, text, position, axes } of marks) {
    const middle = placed(box, position);
    const [x, y] = at(middle);
    const tips = (axes ?? []).map((axis) => at(middle.map((value, one) => value + (axis[one] * BODY) / zoom)));
    ctx.font = FONT;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.lineWidth = 2;
    ctx.strokeStyle = ctx.fillStyle = ink.text;
    tips.forEach(([toX, toY], which) => {
      line(ctx, [x, y], [toX, toY]);
      ctx.fillText(LETTERS[which], toX + (toX - x) * 0.16, toY + (toY - y) * 0.16);
    });
    ctx.beginPath();
    ctx.arc(x, y, 5, 0, 2 * Math.PI);
    ctx.fillStyle = colour;
    ctx.fill();
    ctx.strokeStyle = ink.ground;
    ctx.stroke();
    // On the other side than the axes of its body.
    const away = [0, 1].map((one) => tips.reduce((sum, tip) => sum - (tip[one] - [x, y][one]), 0));
    const length = Math.hypot(...away);
    name(ctx, text, [x, y], length > 1 ? away.map((value) => value / length) : [1, 0], ink);
  }
}

/**
 * @param {CanvasRenderingContext2D} ctx @param {string} text @param {readonly number[]} from @param {readonly number[]} towards of the length 1
 * @param {Ink} ink
 */
function name(ctx, text, [x, y], [right, down], ink) {
  ctx.font = FONT;
  ctx.textBaseline = "middle";
  ctx.textAlign = Math.abs(right) < 0.3 ? "center" : right < 0 ? "right" : "left";
  ctx.lineWidth = 3;
  ctx.strokeStyle = ink.ground;
  ctx.fillStyle = ink.text;
  const place = /** @type {const} */ ([x + right * ASIDE, y + down * (ASIDE + 4)]);
  ctx.strokeText(text, ...place);
  ctx.fillText(text, ...place);
}

/** @param {Float32Array} matrix @param {number} width @param {number} height */
export function pixelsBy(matrix, width, height) {
  return (/** @type {ArrayLike<number>} */ point) => pixelOf(matrix, point, width, height);
}

/** @param {CanvasRenderingContext2D} ctx @param {readonly number[]} from @param {readonly number[]} to */
function line(ctx, from, to) {
  ctx.beginPath();
  ctx.moveTo(from[0], from[1]);
  ctx.lineTo(to[0], to[1]);
  ctx.stroke();
}
