import type { Gl } from "./Renderer";
export class Program {
  constructor(gl: Gl, options: { vertex: string; fragment: string; uniforms: Record<string, { value: unknown }>; cullFace: null });
  uniforms: Record<string, { value: unknown }>;
  remove(): void;
}
