// What the page uses of ogl.
export type Gl = WebGL2RenderingContext & { renderer: Renderer };
export class Renderer {
  constructor(options: { canvas: HTMLCanvasElement; alpha: boolean; antialias: boolean; premultipliedAlpha: boolean; dpr: number });
  gl: Gl;
  dpr: number;
  setSize(width: number, height: number): void;
  render(how: { scene: object; sort: boolean; frustumCull: boolean }): void;
}
