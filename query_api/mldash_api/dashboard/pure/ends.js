// Until when a token or a link holds.

import { formatDuration } from "./times.js";

/**
 * @param {{ revokedAt: string | null, expiresAt: string | null }} one @param {number} now milliseconds
 */
export function standing({ revokedAt, expiresAt }, now) {
  if (revokedAt !== null) return "revoked";
  if (expiresAt === null) return "for ever";
  const left = (Date.parse(expiresAt) - now) / 1000;
  return left <= 0 ? "expired" : `for ${formatDuration(Math.ceil(left))}`;
}

/** @param {string} text @returns {number | null} null: for ever */
export function daysOf(text) {
  return text.trim() === "" ? null : Number(text);
}
