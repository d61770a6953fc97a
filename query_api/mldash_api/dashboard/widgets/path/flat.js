// Lines of a scene where there is no WebGL: the same view, projected onto a flat canvas, one line over the other as they come.

import { pixelOf } from "../../pure/orbit.js";

export class FlatLines {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    /** @type {import("./gl.js").Segments} */
    this.segments = { from: new Float32Array(), to: new Float32Array(), colours: new Float32Array() };
  }

  /** @param {import("./gl.js").Segments} segments */
  show(segments) {
    this.segments = segments;
  }

  /** @param {Float32Array} matrix @param {number} width @param {number} height @param {number} thickness */
  draw(matrix, width, height, thickness) {
    const ctx = sized(this.canvas, width, height);
    if (!ctx) return;
    const { from, to, colours } = this.segments;
    ctx.lineWidth = thickness;
    ctx.lineCap = "round";
    let before = "";
    for (let at = 0; at < from.length; at += 3) {
      const colour = `rgb(${colours.subarray(at, at + 3).map((one) => Math.round(one * 255)).join(" ")})`;
      if (colour !== before) {
        if (before) ctx.stroke();
        ctx.beginPath();
        ctx.strokeStyle = before = colour;
      }
      const [begin, end] = [from.subarray(at, at + 3), to.subarray(at, at + 3)];
      const [x, y] = pixelOf(matrix, begin, width, height);
      const [toX, toY] = pixelOf(matrix, end, width, height);
      if (begin.every((value, axis) => value === end[axis])) {
        ctx.rect(x - thickness / 2, y - thickness / 2, thickness, thickness); // as thick as two lines with its edge: a dot
        continue;
      }
      ctx.moveTo(x, y);
      ctx.lineTo(toX, toY);
    }
    if (before) ctx.stroke();
  }

  destroy() {
    this.show({ from: new Float32Array(), to: new Float32Array(), colours: new Float32Array() });
  }
}

/**
 * Empty, and as large as that.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height in pixels of the page
 */
export function sized(canvas, width, height) {
  canvas.width = Math.round(width * devicePixelRatio);
  canvas.height = Math.round(height * devicePixelRatio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  ctx?.scale(devicePixelRatio, devicePixelRatio);
  return ctx;
}
