import type { Gl } from "./Renderer";
export class Geometry {
  constructor(gl: Gl, attributes: Record<string, { size: number; data: Float32Array; instanced?: number }>);
  remove(): void;
}
