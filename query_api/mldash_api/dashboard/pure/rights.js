// Who may what, as /v1/me tells it; and in words, what is missing and whom to ask.

/** @typedef {{ subject: string, isSomebody: boolean, grants: { right: string, scope: string }[], until: string | null, tokenId: string | null, signInId: string | null, opens: any }} Me */

const RIGHTS = ["read", "write", "admin"]; // each includes those before it

/** @param {Me} me @param {string} right @param {string} scope "" is everything */
export function allows(me, right, scope) {
  return me.grants.some((grant) => includes(grant.right, right) && covers(grant.scope, scope));
}

/** @param {Me} me @param {string} right @returns {string[]} scopes on which they have it */
export function scopesOf(me, right) {
  return [...new Set(me.grants.filter((grant) => includes(grant.right, right)).map(({ scope }) => scope))].sort();
}

/** @param {string} scope */
export function scopeWords(scope) {
  return scope === "" || scope === "/" ? "everything" : scope;
}

/**
 * What a refusal lacks, and who can give it.
 * @param {string} right @param {string} scope
 */
export function missingWords(right, scope) {
  return `It needs the right to ${right === "admin" ? "administer" : right} ${scopeWords(scope)}. ${askWords(scope)}`;
}

/** @param {string} scope */
export function askWords(scope) {
  const parts = scope.split("/").filter(Boolean);
  const above = parts.map((_, at) => parts.slice(0, parts.length - at).join("/"));
  return `Ask an admin of ${[...above, "everything"].join(", or of ")}: whoever runs this API knows them.`;
}

/** @param {string} held @param {string} needed */
function includes(held, needed) {
  return RIGHTS.indexOf(held) >= RIGHTS.indexOf(needed);
}

/** @param {string} outer @param {string} inner */
function covers(outer, inner) {
  return outer === "" || inner === outer || inner.startsWith(outer + "/");
}
