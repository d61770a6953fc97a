"""Committed offsets that halt a partition, and the way to mend them that skips nothing: back to the log's beginning.

What was stored already is found stored and skipped, so that this is safe for every partition, and costs reading alone.
What Kafka has removed before it was stored is gone whatever is done here, and is said.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from msgspec import Struct

from mldash.connections.kafka_access import start
from mldash.connections.kafka_security import connecting
from mldash.connections.topic_reading import administering, partitions_of, reading, stop_quietly
from mldash.events.topics import event_topics
from mldash.process.clock import Deadline

from .errors import GroupAtWork
from .fetch.continuity import check
from .settings import WorkerSettings

OUT_OF_RANGE: Final = "out of range"
MADE_ANEW: Final = "the topic was made anew"
_TIMEOUT_S: Final = 30.0
_AGAIN_S: Final = 0.5


class Position(Struct, frozen=True):
    """Of a partition: the first offset that it holds, one behind the last, and what the group has committed."""

    topic: str
    partition: int
    begin: int
    end: int
    committed: int | None = None
    """None: nothing, and a worker begins at `begin`."""
    fault: str = ""
    """OUT_OF_RANGE or MADE_ANEW: a worker halts here. Empty: none."""

    @property
    def name(self) -> str:
        return f"{self.topic}/{self.partition}"

    @property
    def removed(self) -> int:
        """Records that Kafka has removed before they were stored."""
        if self.committed is None or self.fault == MADE_ANEW:
            return 0
        return max(0, self.begin - self.committed)

    @property
    def waiting(self) -> int:
        """Records that are there and not stored."""
        return self.end - (self.begin if self.committed is None or self.fault else self.committed)


async def positions(settings: WorkerSettings) -> list[Position]:
    """All partitions of the event topics, by topic and number.

    Raises TopicMissing, KafkaUnreachable, KafkaRefused, and KafkaError for what else Kafka says.
    """
    deadline = Deadline(_TIMEOUT_S)
    while True:
        try:
            return await _positions(settings)
        except KafkaError as error:
            # A cluster that no group has used yet makes the topic of offsets now, and has no coordinator meanwhile.
            if not error.retriable or deadline.passed:
                raise
        await asyncio.sleep(_AGAIN_S)


async def _positions(settings: WorkerSettings) -> list[Position]:
    async with reading(settings) as consumer:
        partitions = await partitions_of(consumer, sorted(event_topics(settings.topic_prefix)))
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
    async with administering(settings) as admin:
        there = await admin.list_consumer_group_offsets(settings.group, partitions=partitions)
    committed = {one: said.offset for one, said in there.items() if said.offset >= 0}
    outside = {one for one, offset in committed.items() if not begins[one] <= offset <= ends[one]}
    changed = (await check(settings, [one for one in partitions if one not in outside])).changed
    return [
        Position(
            one.topic,
            one.partition,
            begins[one],
            ends[one],
            committed.get(one),
            OUT_OF_RANGE if one in outside else MADE_ANEW if one in changed else "",
        )
        for one in partitions
    ]


async def reset(settings: WorkerSettings, chosen: Iterable[Position]) -> None:
    """Commit the beginning of each.

    Raises GroupAtWork while the group has members (Kafka moves no offset under them), TimeoutError, KafkaUnreachable,
    KafkaRefused, and KafkaError for what else Kafka says.
    """
    offsets = {TopicPartition(one.topic, one.partition): OffsetAndMetadata(one.begin, "") for one in chosen}
    if not offsets:
        return
    consumer = AIOKafkaConsumer(**connecting(settings), group_id=settings.group, enable_auto_commit=False)
    try:
        await start(settings, consumer)
        consumer.assign(list(offsets))
        async with asyncio.timeout(_TIMEOUT_S):  # aiokafka tries again for ever
            await consumer.commit(offsets)
    except CommitFailedError as error:
        raise GroupAtWork(settings.group) from error
    finally:
        await stop_quietly(consumer)


def named(found: Sequence[Position], names: Iterable[str]) -> list[Position]:
    """Those that are named TOPIC/PARTITION, in the order of `found`. Raises ValueError that names the unknown one."""
    wanted, known = set(names), {one.name for one in found}
    if unknown := sorted(wanted - known):
        raise ValueError(f"there is no partition {unknown[0]!r}; there are {', '.join(one.name for one in found)}")
    return [one for one in found if one.name in wanted]
