// Filters that name runs. Each stays so short that proxies let its address through.

const MOST_BYTES = 6_000; // as they stand in an address; the API takes 8 KiB of a filter

/**
 * The runs in parts, each with its filter.
 * @param {readonly string[]} prefixes
 * @returns {{ filter: string, count: number }[]}
 */
export function filtersOf(prefixes) {
  /** @type {string[][]} */
  const parts = [];
  let room = 0;
  for (const prefix of prefixes) {
    const name = JSON.stringify(prefix);
    const size = encodeURIComponent(`${name}, `).length;
    if (parts.length === 0 || size > room) {
      parts.push([]);
      room = MOST_BYTES;
    }
    room -= size;
    /** @type {string[]} */ (parts.at(-1)).push(name);
  }
  return parts.map((names) => ({ filter: `prefix in (${names.join(", ")})`, count: names.length }));
}
