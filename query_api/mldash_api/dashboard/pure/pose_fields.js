// Which numbers of a track are a position, and which a rotation, by their names. A person may choose others.

import { nameOf } from "./track_grid.js";

/** @typedef {import("./track_grid.js").Place} Place */

/** What a colour says, in place of a field: no field has this name. */
export const TIME = "timestamp";

const POSITION = /pos|trans|loc|xyz|point|origin|base|root|com$|^p$|^t$|tip/i;
const ROTATION = /quat|orient|rot|^q$|_q$|\.q$/i;
const OTHER = /^[adfmrvw]$|vel|acc|force|torque|gyro|mag|ang|euler|rpy|twist|imu|grad|err|std|cov/i;

/**
 * Of lists of three numbers and of fields whose names differ in x, y, z alone: one that is called a position, before one
 * that is called nothing; of two of x and y, z is left out.
 * @param {readonly Place[]} places
 * @returns {string[]} names, three or two; none where nothing looks like it
 */
export function positionOf(places) {
  const found = groupsOf(places, ["x", "y", "z"], 2).filter(({ name }) => !ROTATION.test(name) && !OTHER.test(name));
  return (found.find(({ name }) => POSITION.test(name)) ?? found[0])?.names ?? [];
}

/**
 * The names of x, y, z, w of rotations, one after the other. A list has w last, unless its name has "wxyz" in it.
 * @param {readonly Place[]} places
 * @returns {string[][]} those that are called a rotation first
 */
export function rotationsOf(places) {
  const found = groupsOf(places, ["x", "y", "z", "w"], 4);
  const ordered = found.map(({ name, names }) => ({ name, names: /wxyz/i.test(name) ? [...names.slice(1), names[0]] : names }));
  return ordered.sort((one, two) => Number(ROTATION.test(two.name)) - Number(ROTATION.test(one.name))).map(({ names }) => names);
}

/** @param {readonly Place[]} places @returns {string[]} the names of the rotation that is drawn; none: nothing is called so */
export function rotationOf(places) {
  const groups = groupsOf(places, ["x", "y", "z", "w"], 4);
  return groups.some(({ name }) => ROTATION.test(name)) ? rotationsOf(places)[0] : [];
}

/**
 * The names of x, y, z once another one was chosen for an axis: one that another axis had is exchanged, so that each has its own.
 * @param {readonly string[]} names @param {number} axis @param {string} name  "": none
 * @returns {string[]} two or three; as before where one alone would be left
 */
export function rechosen(names, axis, name) {
  const next = [...names];
  const other = names.indexOf(name);
  if (other !== -1) next[other] = names[axis] ?? "";
  next[axis] = name;
  const left = next.filter((one) => one !== "");
  return left.length < 2 ? [...names] : left;
}

/**
 * The axes of a body that was rotated so, as the columns of its matrix; null: it is no rotation.
 * @param {readonly number[]} quaternion x, y, z, w, of any length
 * @returns {[number, number, number][] | null}
 */
export function bodyAxes(quaternion) {
  const length = Math.hypot(...quaternion);
  if (quaternion.length !== 4 || !(length > 0) || !Number.isFinite(length)) return null;
  const [x, y, z, w] = quaternion.map((value) => value / length);
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w)],
    [2 * (x * y - z * w), 1 - 2 * (x * x + z * z), 2 * (y * z + x * w)],
    [2 * (x * z + y * w), 2 * (y * z - x * w), 1 - 2 * (x * x + y * y)],
  ];
}

/**
 * @param {readonly Place[]} places @param {string[]} letters @param {number} least so many of them
 * @returns {{ name: string, names: string[] }[]}
 */
function groupsOf(places, letters, least) {
  /** @type {Map<string, Place[]>} */
  const lists = new Map();
  for (const place of places) if (place.part !== null) lists.set(place.field, [...(lists.get(place.field) ?? []), place]);
  const vectors = [...lists].filter(([, parts]) => parts.length === letters.length).map(([name, parts]) => ({ name, names: parts.map(nameOf) }));
  const names = new Set(places.filter(({ part }) => part === null).map(({ field }) => field));
  const scalars = [...names].filter((name) => name.toLowerCase().endsWith(letters[0])).flatMap((name) => {
    const [base, first] = [name.slice(0, -1), name.slice(-1)];
    const all = letters.map((letter) => base + (first === letters[0] ? letter : letter.toUpperCase()));
    const there = all.findIndex((one) => !names.has(one));
    const count = there === -1 ? all.length : there;
    return count >= least ? [{ name: base, names: all.slice(0, count) }] : [];
  });
  return [...vectors, ...scalars];
}
