// What is to be looked at again, and when: each at its last time.

export class Due {
  constructor() {
    /** @type {Map<string, number>} */
    this.at = new Map();
  }

  /** @param {string} one @param {number} at milliseconds */
  add(one, at) {
    this.at.set(one, at);
  }

  /** Those whose time has come: they are due no more. @param {number} now */
  take(now) {
    const found = [...this.at].filter(([, at]) => at <= now).map(([one]) => one);
    for (const one of found) this.at.delete(one);
    return found;
  }

  /** @returns {number | null} the time of the next one */
  get next() {
    return this.at.size > 0 ? Math.min(...this.at.values()) : null;
  }
}
