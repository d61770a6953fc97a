// A card as a file: a picture, or its values.

import { rowsOf } from "../pure/card_csv.js";
import { svgOf } from "../pure/card_svg.js";
import { toCsv } from "../pure/csv.js";
import { save } from "./download.js";

const SCALE = 2; // pixels of a PNG for one of the SVG

/**
 * @typedef {object} Shown
 * @property {import("../pure/cards.js").Card} card
 * @property {string} x
 * @property {number} halfLife
 * @property {import("../pure/grouping.js").Way | null} way
 * @property {readonly [number, number] | null} shown
 * @property {import("../pure/lines.js").Grid} answer
 * @property {Omit<import("../pure/card_svg.js").Picture, "ink">} picture
 */

/** @typedef {"PNG" | "SVG" | "CSV"} Kind */

/** @param {Kind} kind @param {Shown} shown */
export async function saveCard(kind, { card, answer, picture, ...how }) {
  const name = `${card.metric ?? "unnamed"}-${card.field}`.replace(/[^\p{L}\p{N}._-]+/gu, "_").slice(0, 120);
  if (kind === "CSV") return save(`${name}.csv`, "text/csv", toCsv(rowsOf(answer, card, how)));
  const style = getComputedStyle(document.documentElement);
  const svg = svgOf({ ...picture, ink: (property) => style.getPropertyValue(property).trim() });
  if (kind === "SVG") return save(`${name}.svg`, "image/svg+xml", svg.text);
  save(`${name}.png`, "image/png", await pixelsOf(svg));
}

/** @param {{ text: string, width: number, height: number }} svg @returns {Promise<Blob>} */
async function pixelsOf({ text, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * SCALE, height * SCALE];
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("the browser made no picture")))));
}
