// Lines of a scene by WebGL: a rectangle a segment, as wide on the screen as is asked for. Fetched where a path is shown.

import { Geometry } from "../../libraries/ogl/core/Geometry.js";
import { Mesh } from "../../libraries/ogl/core/Mesh.js";
import { Program } from "../../libraries/ogl/core/Program.js";
import { Renderer } from "../../libraries/ogl/core/Renderer.js";
import { Transform } from "../../libraries/ogl/core/Transform.js";

const VERTEX = `#version 300 es
in vec2 corner;
in vec3 from, to, colour;
uniform mat4 view;
uniform vec2 pixels;
uniform float width;
out vec3 ink;
void main() {
  vec4 a = view * vec4(from, 1.0), b = view * vec4(to, 1.0);
  vec2 along = (b.xy - a.xy) * pixels;
  bool isDot = from == to;
  along = dot(along, along) > 0.0 ? normalize(along) : vec2(1.0, 0.0);
  vec2 aside = vec2(-along.y, along.x) * corner.y + along * (corner.x * 2.0 - 1.0) * (isDot ? 1.0 : 0.5);
  gl_Position = mix(a, b, corner.x) + vec4(aside * width * (isDot ? 2.0 : 1.0) / pixels, 0.0, 0.0);
  ink = colour;
}`;
const FRAGMENT = `#version 300 es
precision highp float;
in vec3 ink;
out vec4 shown;
void main() { shown = vec4(ink, 1.0); }`;
const CORNERS = new Float32Array([0, -1, 1, -1, 0, 1, 0, 1, 1, -1, 1, 1]);

/** @typedef {{ from: Float32Array, to: Float32Array, colours: Float32Array }} Segments  three numbers a segment; of colours 0 … 1 */

export class GlLines {
  /** @param {HTMLCanvasElement} canvas that has a WebGL 2 context with the usual attributes */
  constructor(canvas) {
    this.renderer = new Renderer({ canvas, alpha: true, antialias: true, premultipliedAlpha: true, dpr: devicePixelRatio });
    const { gl } = this.renderer;
    gl.clearColor(0, 0, 0, 0);
    const uniforms = { view: { value: new Float32Array(16) }, pixels: { value: [1, 1] }, width: { value: 1 } };
    this.program = new Program(gl, { vertex: VERTEX, fragment: FRAGMENT, uniforms, cullFace: null });
    this.scene = new Transform();
    /** @type {Geometry | null} */
    this.geometry = null;
    /** @type {Mesh | null} */
    this.mesh = null;
    this.size = "";
  }

  /** @param {Segments} segments */
  show({ from, to, colours }) {
    const { gl } = this.renderer;
    if (this.mesh) this.scene.removeChild(this.mesh);
    this.geometry?.remove();
    this.mesh = this.geometry = null;
    if (from.length === 0) return;
    this.geometry = new Geometry(gl, {
      corner: { size: 2, data: CORNERS }, from: { instanced: 1, size: 3, data: from }, to: { instanced: 1, size: 3, data: to },
      colour: { instanced: 1, size: 3, data: colours },
    });
    this.mesh = new Mesh(gl, { geometry: this.geometry, program: this.program, mode: gl.TRIANGLES });
    this.scene.addChild(this.mesh);
  }

  /** @param {Float32Array} matrix @param {number} width @param {number} height @param {number} thickness */
  draw(matrix, width, height, thickness) {
    const size = `${width} ${height} ${devicePixelRatio}`;
    if (size !== this.size) { // each time, the drawing buffer is made anew
      this.renderer.dpr = devicePixelRatio;
      this.renderer.setSize(width, height);
      this.size = size;
    }
    Object.assign(this.program.uniforms, { view: { value: matrix }, pixels: { value: [width, height] }, width: { value: thickness } });
    this.renderer.render({ scene: this.scene, sort: false, frustumCull: false });
  }

  destroy() {
    this.geometry?.remove();
    this.program.remove();
    this.renderer.gl.getExtension("WEBGL_lose_context")?.loseContext(); // a browser has room for some sixteen
  }
}
