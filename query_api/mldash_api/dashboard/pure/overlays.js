// Last values as the stream told them, laid over the rows of the index of runs, which has them some seconds later.

const SETTLED_MS = 10_000; // by then the index has what was told: newer values than its own would be older ones

/** @typedef {{ prefix: string, id: string, values: Record<string, any> }} Row */

export class Overlays {
  constructor() {
    /** @type {Map<string, Map<string, { value: unknown, at: number }>>} by prefix, by field */
    this.told = new Map();
  }

  /** @param {string} prefix @param {Record<string, unknown>} values @param {number} now milliseconds */
  tell(prefix, values, now) {
    const fields = this.told.get(prefix) ?? new Map();
    for (const [field, value] of Object.entries(values)) fields.set(field, { value, at: now });
    if (fields.size > 0) this.told.set(prefix, fields);
  }

  /**
   * Rows have come: what they are newer than counts no more. Of a run out of view nobody heard what came since.
   * @param {readonly string[]} prefixes @param {number} askedAt milliseconds @param {ReadonlySet<string>} inView
   */
  settle(prefixes, askedAt, inView) {
    for (const prefix of prefixes) {
      const fields = this.told.get(prefix);
      if (!fields) continue;
      for (const [field, { at }] of fields) if (!inView.has(prefix) || askedAt > at + SETTLED_MS) fields.delete(field);
      if (fields.size === 0) this.told.delete(prefix);
    }
  }

  /** @param {Row} row @returns {Row} */
  over(row) {
    const fields = this.told.get(row.prefix);
    if (!fields) return row;
    const values = Object.fromEntries(Array.from(fields, ([field, { value }]) => [field, value]));
    return { ...row, values: { ...row.values, ...values } };
  }
}
