// From where a scene is looked at. It is orthographic, so that a length is the same everywhere; z points up.
//
// A scene's points lie about its middle, all within the distance 1. On the picture, of width w, height h and m = min(w, h):
//   right = (−sin yaw, cos yaw, 0)    up = (−sin pitch · cos yaw, −sin pitch · sin yaw, cos pitch)
//   pixel = (w / 2 + m / 2 · zoom · right · (p − target), h / 2 − m / 2 · zoom · up · (p − target))

/**
 * @typedef {readonly [number, number, number]} Point
 *
 * @typedef {object} Eye
 * @property {number} yaw    in degrees, around z
 * @property {number} pitch  in degrees, above the plane of x and y
 * @property {number} zoom
 * @property {Point} target  what is in the middle
 */

/** @type {Readonly<Eye>} */
export const START = Object.freeze({ yaw: -55, pitch: 28, zoom: 0.9, target: /** @type {Point} */ ([0, 0, 0]) });

/** Of positions of two numbers: from above, x to the right and y upwards. @type {Readonly<Eye>} */
export const ABOVE = Object.freeze({ ...START, yaw: -90, pitch: 90 });

const LEAST_ZOOM = 0.1;
const MOST_ZOOM = 1_000;

/** @param {Eye} eye @param {number} yaw @param {number} pitch in degrees @returns {Eye} */
export function turned(eye, yaw, pitch) {
  return { ...eye, yaw: ((((eye.yaw + yaw) % 360) + 540) % 360) - 180, pitch: Math.max(-90, Math.min(90, eye.pitch + pitch)) };
}

/** @param {Eye} eye @param {number} factor @returns {Eye} */
export function zoomed(eye, factor) {
  return { ...eye, zoom: Math.max(LEAST_ZOOM, Math.min(MOST_ZOOM, eye.zoom * factor)) };
}

/** The scene by so much of the picture's least side. @param {Eye} eye @param {number} right @param {number} up @returns {Eye} */
export function moved(eye, right, up) {
  const { across, above } = axesOf(eye);
  const [x, y, z] = eye.target.map((value, at) => value - ((across[at] * right + above[at] * up) * 2) / eye.zoom);
  return { ...eye, target: [x, y, z] };
}

/**
 * Clip space: of the picture it fills, with what is nearer in front.
 * @param {Eye} eye @param {number} width @param {number} height
 * @returns {Float32Array} a matrix, column after column
 */
export function matrixOf(eye, width, height) {
  const { across, above, towards } = axesOf(eye);
  const side = Math.min(width, height);
  const rows = [
    across.map((value) => (value * eye.zoom * side) / width),
    above.map((value) => (value * eye.zoom * side) / height),
    towards.map((value) => -value / 8),
  ];
  const matrix = new Float32Array(16);
  rows.forEach((row, at) => {
    row.forEach((value, column) => (matrix[column * 4 + at] = value));
    matrix[12 + at] = -row.reduce((sum, value, axis) => sum + value * eye.target[axis], 0);
  });
  matrix[15] = 1;
  return matrix;
}

/**
 * @param {ArrayLike<number>} matrix @param {ArrayLike<number>} point @param {number} width @param {number} height
 * @returns {Point} pixels from the left and from the top, and how far behind
 */
export function pixelOf(matrix, point, width, height) {
  const at = (/** @type {number} */ row) => matrix[row] * point[0] + matrix[row + 4] * point[1] + matrix[row + 8] * point[2] + matrix[row + 12];
  return [((at(0) + 1) * width) / 2, ((1 - at(1)) * height) / 2, at(2)];
}

/** As an address has it; "": as it begins. @param {Eye} eye @param {Eye} start */
export function formatEye(eye, start) {
  const [rounded, pitch, zoom, ...target] = [eye.yaw, eye.pitch, eye.zoom, ...eye.target].map((value) => Number(value.toPrecision(4)));
  const yaw = rounded === 180 ? -180 : rounded; // one direction has one text
  const isMiddle = target.every((value) => value === 0);
  if (yaw === start.yaw && pitch === start.pitch && zoom === start.zoom && isMiddle) return "";
  return [yaw, pitch, zoom, ...(isMiddle ? [] : target)].join(",");
}

/** @param {string} text @param {Eye} start @returns {Eye} what is none is as it begins */
export function parseEye(text, start) {
  const numbers = text.split(",").map((one) => (one.trim() === "" ? NaN : Number(one)));
  if (![3, 6].includes(numbers.length) || !numbers.every(Number.isFinite)) return start;
  const [yaw, pitch, zoom, x = 0, y = 0, z = 0] = numbers;
  return zoomed(turned({ yaw: 0, pitch: 0, zoom, target: [x, y, z] }, yaw, pitch), 1);
}

/** @param {Eye} eye */
function axesOf({ yaw, pitch }) {
  const [a, b] = [(yaw * Math.PI) / 180, (pitch * Math.PI) / 180];
  return {
    across: [-Math.sin(a), Math.cos(a), 0],
    above: [-Math.sin(b) * Math.cos(a), -Math.sin(b) * Math.sin(a), Math.cos(b)],
    towards: [Math.cos(b) * Math.cos(a), Math.cos(b) * Math.sin(a), Math.sin(b)],
  };
}
