// At which place of a log a line stands, while lines are counted, fetched and heard of at once.
//
// Places are those of the API (offset): of the lines that pass the filter, from the first that retention has left. What is
// heard while lines are being counted waits, for it may have been counted; a line's number says whether it was.

/** @typedef {{ sequenceNumber: number }} Numbered */

export class LogPlaces {
  /** @param {boolean} isWhole  whether every line passes: then numbers that were left out are places too */
  constructor(isWhole) {
    this.isWhole = isWhole;
    this.total = 0;
    /** Of these places the API has said that they are there. */
    this.sure = 0;
    /** @type {number | null} the number of the line at the last place; null: not known */
    this.last = null;
    /** @type {Numbered[] | null} null: nobody is counting */
    this.waiting = [];
  }

  /** From here on, until `counted`, lines wait. */
  count() {
    this.waiting ??= [];
  }

  /**
   * @param {number} found  how many there are
   * @param {number | null} last  the number of the last one; null: none was seen
   * @returns {{ placed: [number, Numbered][], forgotten: number | null }} lines that waited and have a place now; from
   *   which place on all has to be fetched anew
   */
  counted(found, last) {
    const waiting = this.stopWaiting();
    const forgotten = found === this.total ? null : this.sure;
    this.total = this.sure = found;
    this.last = last ?? this.last;
    const heard = this.heard(waiting);
    return { placed: heard.placed, forgotten: forgotten ?? heard.forgotten };
  }

  stopWaiting() {
    const waiting = this.waiting ?? /** @type {Numbered[]} */ ([]);
    this.waiting = null;
    return waiting;
  }

  /** Nobody could count them: what waited is placed behind what is known. */
  uncounted() {
    const waiting = this.stopWaiting();
    return this.heard(waiting);
  }

  /**
   * @param {readonly Numbered[]} lines  that pass, in the order of their numbers
   * @returns {{ placed: [number, Numbered][], forgotten: number | null }}
   */
  heard(lines) {
    if (this.waiting) {
      this.waiting.push(...lines);
      return { placed: [], forgotten: null };
    }
    /** @type {[number, Numbered][]} */
    const placed = [];
    /** @type {number | null} */
    let forgotten = null;
    for (const line of lines) {
      if (this.last !== null && line.sequenceNumber <= this.last) continue; // it was counted
      const place = this.isWhole && this.last !== null ? this.total - 1 + line.sequenceNumber - this.last : this.total;
      if (place > this.total) forgotten ??= this.total;
      placed.push([place, line]);
      this.total = place + 1;
      this.last = line.sequenceNumber;
    }
    return { placed, forgotten };
  }
}
