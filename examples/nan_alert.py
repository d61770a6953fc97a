"""Alert on a loss that is not a number: a consumer of your own, which acts on stored data alone.

    eval "$(mldash env)"
    python examples/nan_alert.py                    # every experiment, every metric, the field "loss"
    python examples/nan_alert.py alice/robots --field loss --field val_loss

Three topics make it right (docs/events.md, "Acting on durable data alone"):

  mldash.metrics       the points, as they are sent: at least once, and perhaps before they are stored
  mldash.stored        up to which offset of each partition everything is stored or was set aside
  mldash.dead-letters  what was set aside

So a partition is read up to its announced offset and paused there; what became a letter is left out; an event that was
seen is not seen again. Each alert is a line of JSON: who reads it can open the run and finds the point there.
"""

import argparse
import asyncio
import json
import math
import os
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

import mldash


class StoredUpTo:
    """What `mldash.stored` and the dead letters have said so far."""

    def __init__(self, kafka: str, topic_prefix: str) -> None:
        own: dict[str, Any] = {"bootstrap_servers": kafka, "auto_offset_reset": "earliest", "enable_auto_commit": False}
        self._stored = AIOKafkaConsumer(f"{topic_prefix}.stored", **own)
        self._letters = AIOKafkaConsumer(f"{topic_prefix}.dead-letters", **own)
        self._said: dict[TopicPartition, dict[str, Any]] = {}
        self._set_aside: set[tuple[str, int, int]] = set()

    async def __aenter__(self) -> "StoredUpTo":
        await self._stored.start()
        await self._letters.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stored.stop()
        await self._letters.stop()

    async def learn(self) -> None:
        """Take in what was said since; then the letters to their end, for they came before it was said."""
        for records in (await self._stored.getmany(timeout_ms=0)).values():
            for record in records:
                if record.value:
                    self._take(json.loads(record.value))
        for partition, end in (await self._letters.end_offsets(self._letters.assignment())).items():
            while await self._letters.position(partition) < end:
                for letter in (await self._letters.getmany(partition, timeout_ms=100)).get(partition, []):
                    self._note(dict(letter.headers))

    def _take(self, said: dict[str, Any]) -> None:
        """The highest offset counts; of a topic that was made anew only what is said of the new one."""
        partition = TopicPartition(said["topic"], said["partition"])
        before = self._said.get(partition)
        if before is None:
            self._said[partition] = said
        elif before["incarnation"] == said["incarnation"]:
            self._said[partition] = max(before, said, key=lambda one: one["offset"])
        else:
            self._said[partition] = max(before, said, key=lambda one: one["time"])

    def _note(self, headers: dict[str, bytes]) -> None:
        if "dead-letter-topic" in headers:  # else it marks one that was replayed
            origin = (headers[f"dead-letter-{part}"].decode() for part in ("topic", "partition", "offset"))
            topic, partition, offset = origin
            self._set_aside.add((topic, int(partition), int(offset)))

    def offset(self, partition: TopicPartition) -> int:
        """Everything of the partition below it is stored or was set aside."""
        return self._said[partition]["offset"] if partition in self._said else 0

    def was_set_aside(self, message: Any) -> bool:
        return (message.topic, message.partition, message.offset) in self._set_aside


class Alerts:
    """Which points are alarming, each of them once."""

    def __init__(self, below: str | None, fields: list[str]) -> None:
        self._below, self._fields = below, fields
        self._told: set[tuple[bytes, str | None, int, str]] = set()

    def of(self, message: Any) -> Iterator[dict[str, Any]]:
        """The alerts of one message."""
        try:
            record = mldash.decode(message)
        except mldash.UndecodableRecord:
            return  # of a newer version, or broken: it is among the dead letters
        if self._below and not f"{record.prefix}/".startswith(f"{self._below}/"):
            return
        for event in mldash.events_of(record):
            for field in self._fields:
                value = event.data.get(field)
                alarming = isinstance(value, float) and not math.isfinite(value)
                point = (record.session, record.name, event.seq, field)
                if alarming and point not in self._told:  # a record may be sent again
                    self._told.add(point)
                    yield {
                        "experiment": record.prefix,
                        "metric": record.name,
                        "field": field,
                        "value": str(value),
                        "session": record.session.hex(),
                        "seq": event.seq,
                        "time": event.time,
                    }


async def watch(kafka: str, topic_prefix: str, alerts: Alerts) -> None:
    """Until it is stopped."""
    topic = f"{topic_prefix}.metrics"
    metrics = AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False)
    await metrics.start()
    try:
        async with StoredUpTo(kafka, topic_prefix) as stored:
            while True:
                await stored.learn()
                for partition in metrics.paused():
                    if stored.offset(partition) > await metrics.position(partition):
                        metrics.resume(partition)
                for partition, messages in (await metrics.getmany(timeout_ms=200)).items():
                    for message in messages:
                        if message.offset >= stored.offset(partition):
                            metrics.seek(partition, message.offset)
                            metrics.pause(partition)
                            break
                        if not stored.was_set_aside(message):
                            for alert in alerts.of(message):
                                print(json.dumps(alert), flush=True)
    finally:
        await metrics.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="Alert on losses that are not finite, of stored points alone.")
    parser.add_argument("below", nargs="?", help="an experiment's prefix, or the beginning of one: owner/project")
    parser.add_argument("--field", action="append", help="a field to watch, may be repeated [loss]")
    parser.add_argument("--kafka", default=os.environ.get("MLDASH_KAFKA", "127.0.0.1:9092"))
    parser.add_argument("--topic-prefix", default=os.environ.get("MLDASH_TOPIC_PREFIX", "mldash"))
    given = parser.parse_args()
    try:
        asyncio.run(watch(given.kafka, given.topic_prefix, Alerts(given.below, given.field or ["loss"])))
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    main()
