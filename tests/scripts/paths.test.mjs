import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "../../query_api/mldash_api/dashboard/pure/lines.js";
import { ABOVE, START, formatEye, matrixOf, moved, parseEye, pixelOf, turned, zoomed } from "../../query_api/mldash_api/dashboard/pure/orbit.js";
import { boxOf, colourIn, columnsOf, gapsIn, pathOf, placed, rulersOf, segmentsOf, tintOf, tintRange } from "../../query_api/mldash_api/dashboard/pure/path.js";
import { shortNames, toldOf, wordsOf } from "../../query_api/mldash_api/dashboard/pure/path_words.js";
import { bodyAxes, positionOf, rechosen, rotationOf, rotationsOf } from "../../query_api/mldash_api/dashboard/pure/pose_fields.js";

const scalars = (...names) => names.map((field) => ({ field, part: null }));
const vector = (field, length) => Array.from({ length }, (_, part) => ({ field, part }));
const random = (low, high) => low + Math.random() * (high - low);
const close = (one, two, within = 1e-6) => one.forEach((value, at) => assert.ok(Math.abs(value - two[at]) < within, `${one} ${two}`));

test("a pixel is where the formula says", () => {
  for (let round = 0; round < 200; round++) {
    const eye = { yaw: random(-180, 180), pitch: random(-90, 90), zoom: random(0.2, 9), target: [random(-1, 1), random(-1, 1), random(-1, 1)] };
    const [width, height, point] = [random(100, 900), random(100, 900), [random(-1, 1), random(-1, 1), random(-1, 1)]];
    const [a, b] = [(eye.yaw * Math.PI) / 180, (eye.pitch * Math.PI) / 180];
    const [x, y, z] = point.map((value, at) => value - eye.target[at]);
    const scale = (Math.min(width, height) / 2) * eye.zoom;
    const right = -Math.sin(a) * x + Math.cos(a) * y;
    const up = -Math.sin(b) * Math.cos(a) * x - Math.sin(b) * Math.sin(a) * y + Math.cos(b) * z;
    close(pixelOf(matrixOf(eye, width, height), point, width, height).slice(0, 2), [width / 2 + scale * right, height / 2 - scale * up], 1e-2);
  }
});

test("an eye in the address is the same eye, and the one of the beginning is left out", () => {
  for (const start of [START, ABOVE]) {
    assert.equal(formatEye(start, start), "");
    for (const text of ["", "1,2", "a,b,c", "1,2,3,4", "1,2,Infinity"]) assert.deepEqual(parseEye(text, start), start);
    for (let round = 0; round < 100; round++) {
      const eye = moved(zoomed(turned(start, random(-400, 400), random(-200, 200)), random(0.1, 20)), random(-1, 1), random(-1, 1));
      assert.equal(formatEye(parseEye(formatEye(eye, start), start), start), formatEye(eye, start));
    }
  }
  assert.deepEqual(parseEye(formatEye(ABOVE, START), START), ABOVE);
  assert.equal(formatEye({ ...START, yaw: 179.99 }, START), formatEye({ ...START, yaw: -180 }, START));
  assert.equal(turned(START, 0, 400).pitch, 90);
});

test("from above x goes to the right and y upwards", () => {
  close(pixelOf(matrixOf({ ...ABOVE, zoom: 1 }, 200, 200), [0.5, 0.25, 0.9], 200, 200).slice(0, 2), [150, 75], 1e-4);
});

test("moving a scene moves its middle by so much of the picture", () => {
  const eye = moved({ ...START, zoom: 3 }, 0.25, -0.125);
  close(pixelOf(matrixOf(eye, 400, 400), [0, 0, 0], 400, 400).slice(0, 2), [200 + 100, 200 + 50], 1e-3);
});

test("positions and rotations are found by their names", () => {
  assert.deepEqual(positionOf([...vector("q", 4), ...vector("p", 3)]), ["p[0]", "p[1]", "p[2]"]);
  assert.deepEqual(positionOf(scalars("vx", "vy", "vz", "x", "y", "z")), ["vx", "vy", "vz"].map((name) => name.slice(1)));
  assert.deepEqual(positionOf(scalars("linear_velocity.x", "linear_velocity.y", "linear_velocity.z")), []);
  assert.deepEqual(positionOf([...vector("a", 3), ...scalars("pose.position.x", "pose.position.y")]), ["pose.position.x", "pose.position.y"]);
  assert.deepEqual(positionOf(scalars("x", "loss")), []);
  assert.deepEqual(rotationOf(vector("quat", 4)), ["quat[0]", "quat[1]", "quat[2]", "quat[3]"]);
  assert.deepEqual(rotationOf(vector("quat_wxyz", 4)), ["quat_wxyz[1]", "quat_wxyz[2]", "quat_wxyz[3]", "quat_wxyz[0]"]);
  assert.deepEqual(rotationOf(scalars("orientation.x", "orientation.y", "orientation.z", "orientation.w")).at(-1), "orientation.w");
  assert.deepEqual(rotationOf(vector("joints", 4)), []);
  assert.deepEqual(rotationsOf([...vector("joints", 4), ...vector("rot", 4)])[0][0], "rot[0]");
});

test("each axis has a field of its own", () => {
  const told = [["a", "b", "c"], ["a", "b"]].map((names) => [rechosen(names, 0, "d"), rechosen(names, 0, "b"), rechosen(names, 2, "a"), rechosen(names, 2, ""), rechosen(names, 2, "c")]);
  assert.deepEqual(told[0], [["d", "b", "c"], ["b", "a", "c"], ["c", "b", "a"], ["a", "b"], ["a", "b", "c"]]);
  assert.deepEqual(told[1], [["d", "b"], ["b", "a"], ["b", "a"], ["a", "b"], ["a", "b", "c"]]);
  assert.deepEqual(rechosen(["a", "b"], 0, ""), ["a", "b"]);
});

test("a rotation's axes are those of its matrix", () => {
  const half = Math.SQRT1_2;
  close(bodyAxes([0, 0, half, half]).flat(), [0, 1, 0, -1, 0, 0, 0, 0, 1]);
  close(bodyAxes([3, 0, 0, 3]).flat(), [1, 0, 0, 0, 0, 1, 0, -1, 0]);
  for (const wrong of [[0, 0, 0, 0], [1, 2, 3], [NaN, 0, 0, 1]]) assert.equal(bodyAxes(wrong), null);
});

const answer = (values, timestamps) => ({
  series: [{ field: "p", part: 0 }, { field: "p", part: 1 }, { field: "v", part: null }], path: { timestamps, values }, totalEntries: 900, fine: false,
});
const HOW = { prefix: "a/b/c", topic: "pose", position: vector("p", 2), tint: { field: "v", part: null } };

test("a path goes from position to position, and over no gap", () => {
  const path = pathOf(answer([[0, 1, "NaN", 3, 4, "Infinity"], [0, 2, 4, 6, 8, 1], [5, 6, 7, 8, "NaN", 9]], [0, 1, 2, 3, 4, 5]), HOW);
  const box = boxOf([path], false);
  assert.deepEqual([box.least, box.greatest], [[0, 0, 0], [4, 8, 0]]);
  const { from, to, at } = segmentsOf(path, box);
  assert.deepEqual(Array.from(at), [1, 4]);
  close(Array.from(from), [...placed(box, [0, 0, 0]), ...placed(box, [3, 6, 0])]);
  close(Array.from(to), [...placed(box, [1, 2, 0]), ...placed(box, [4, 8, 0])]);
  assert.equal(gapsIn(path), 2);
  assert.deepEqual(rulersOf(box).map(({ axis, ticks }) => [axis, ticks.map(({ value }) => value)]), [[0, [0, 1, 2, 3, 4]], [1, [0, 2, 4, 6, 8]]]);
  assert.deepEqual(tintRange([path]), [5, 9]);
});

test("a position alone between gaps is a dot", () => {
  const path = pathOf(answer([[7, "NaN", 1, null, 2, 3], [7, 7, 7, 7, 7, 7], [0, 0, 0, 0, 0, 0]], [0, 1, 2, 3, 4, 5]), HOW);
  const { from, to, at } = segmentsOf(path, boxOf([path], false));
  assert.deepEqual(Array.from(at), [0, 2, 5]);
  assert.deepEqual(Array.from(from.subarray(0, 6)), Array.from(to.subarray(0, 6)));
  assert.notDeepEqual(Array.from(from.subarray(6)), Array.from(to.subarray(6)));
});

test("axes that are fitted are of one length, and one without a width has the scale of all", () => {
  const axes = [[0, 1_000], [0, 0.001], [5, 5]].map((one) => Float64Array.from(one));
  const box = boxOf([{ axes }], true);
  close([...placed(box, box.least), ...placed(box, box.greatest)], [-1, -1, 0, 1, 1, 0].map((value) => value / Math.sqrt(3)));
  const whole = boxOf([{ axes }], false);
  assert.ok(Math.abs(placed(whole, whole.greatest)[1]) < 1e-5);
});

test("all paths together stay within a bound", () => {
  assert.deepEqual([columnsOf(3, 1), columnsOf(4, 1), columnsOf(16, 1), columnsOf(16, 20)], [1000, 1000, 800, 40]);
  for (const paths of [1, 2, 5, 20]) for (const count of [2, 4, 40]) assert.ok(columnsOf(count, paths) * (2 + 3 * count) * paths <= 40_000);
});

test("the corner says of how many entries a path is made, and how coarse it is", () => {
  const path = pathOf(answer([[0, "NaN"], [0, 2], [5, 6]], [0, 1]), HOW);
  assert.equal(toldOf([path], 500, false), "900 entries, 2 of them drawn: extremes of 500 parts of the time, 1 without a position");
  assert.equal(toldOf([{ ...path, total: 1, isWhole: true, axes: path.axes.map(() => [1, 1]) }], 500, true), "1 entry; flat, without WebGL");
  assert.equal(toldOf([{ ...path, total: 0 }], 500, false), "no entries here");
});

test("a pose is said in words, and what is not known is not said to be so", () => {
  const pose = { position: [1, NaN, 0], tint: 7 };
  assert.deepEqual([wordsOf(pose, ["x", "y"], "v"), wordsOf(pose, ["x", "y"], ""), wordsOf(null, ["x"], ""), wordsOf(undefined, ["x"], ""), wordsOf(pose, ["x", "y"], "y")], ["x 1, y no number, v 7", "x 1, y no number", "begins later", "…", "x 1, y no number"]);
  const drawn = [{ prefix: "a/b/c", topic: "pose" }, { prefix: "a/b/d", topic: "pose" }, { prefix: "a/b/c", topic: "tool" }];
  assert.deepEqual([shortNames(drawn.slice(0, 2)), shortNames(drawn), shortNames([drawn[0], drawn[2]])], [["c", "d"], ["c pose", "d pose", "c tool"], ["pose", "tool"]]);
});

test("the nearest place is found", () => {
  assert.deepEqual([-9, 0.4, 0.6, 2, 3.1, 99].map((value) => nearest([0, 1, 2, 4], value)), [0, 0, 1, 2, 3, 3]);
});

test("all positions lie in a scene of radius 1, and one that stands still is drawn", () => {
  for (let round = 0; round < 100; round++) {
    const count = 1 + Math.floor(Math.random() * 5);
    const list = () => Array.from({ length: count }, () => random(-1e6, 1e6));
    const box = boxOf([{ axes: [list(), list(), list()].map((one) => Float64Array.from(one)) }], false);
    for (const corner of [box.least, box.greatest]) assert.ok(Math.hypot(...placed(box, corner)) <= 1 + 1e-9);
  }
  assert.equal(boxOf([{ axes: [[2], [0], [0]].map((one) => Float64Array.from(one)) }], false).sizes[0], 0.2);
  assert.equal(boxOf([pathOf(answer([[], [], []], []), HOW)], false), null);
});

test("colours say least and greatest", () => {
  const scale = ["#000000", "#204060", "#ffffff"].map(colourIn);
  const told = [[5, [5, 9]], [6, [5, 9]], [9, [5, 9]], [NaN, [5, 9]], [3, [3, 3]]].map(([value, range]) => tintOf(value, range, scale));
  assert.deepEqual(told, [[0, 0, 0], [16, 32, 48], [255, 255, 255], null, [0, 0, 0]]);
});
