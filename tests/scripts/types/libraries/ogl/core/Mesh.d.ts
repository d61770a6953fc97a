import type { Geometry } from "./Geometry";
import type { Program } from "./Program";
import type { Gl } from "./Renderer";
export class Mesh {
  constructor(gl: Gl, options: { geometry: Geometry; program: Program; mode: number });
}
