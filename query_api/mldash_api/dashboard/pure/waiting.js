// What waits in Kafka (/v1/status/waiting), for a person: totals, and how fast it comes and goes.

/**
 * @typedef {{ topic: string, partition: number, committed: number, end: number, waiting: number }} Partition
 * @typedef {{ at: number, group: string, partitions: Partition[], letters: { count: number, isAll: boolean,
 *             reasons: { reason: string, count: number, newest: number }[],
 *             newest: { place: string, time: number, reason: string, topic: string, partition: number, offset: number, experiment: string | null, kind: string | null }[] } }} Waiting
 */

/**
 * Records a second of each partition between two answers.
 * @param {Waiting | null} before @param {Waiting} now
 * @returns {(Partition & { comes: number | null, goes: number | null })[]} those with the most that waits first; null: not known yet
 */
export function partitionsOf(before, now) {
  const seconds = before ? now.at - before.at : 0;
  const known = new Map((before?.partitions ?? []).map((one) => [nameOf(one), one]));
  const rows = now.partitions.map((one) => {
    const old = known.get(nameOf(one));
    const rate = (/** @type {"end" | "committed"} */ field) => (old && seconds > 0 ? Math.max(0, one[field] - old[field]) / seconds : null);
    return { ...one, comes: rate("end"), goes: rate("committed") };
  });
  return rows.sort((one, two) => two.waiting - one.waiting || (nameOf(one) < nameOf(two) ? -1 : 1));
}

/** @param {Waiting} now @returns {{ records: number, partitions: number, all: number }} */
export function totalOf({ partitions }) {
  const behind = partitions.filter(({ waiting }) => waiting > 0);
  return { records: behind.reduce((sum, { waiting }) => sum + waiting, 0), partitions: behind.length, all: partitions.length };
}

/** @param {{ topic: string, partition: number }} of */
export function nameOf({ topic, partition }) {
  return `${topic}/${partition}`;
}
