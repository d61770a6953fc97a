"""The dead letters that wait: read once, and onwards from there with each look.

A look reads LOOK_BYTES at most, so that none takes long; the next goes on. Of more than MOST_KEPT that wait only the
places of the oldest are kept, and count, and no more than MOST_FORGOTTEN of them. `isAll` says whether the count is
right: else there are more.
"""

from collections import defaultdict
from contextlib import aclosing
from typing import Final, TypedDict

from aiokafka import AIOKafkaConsumer, TopicPartition

from mldash.connections.topic_reading import partitions_of, read_all
from mldash.events.letter import Letter, Place, read_letter
from mldash.events.reading import KafkaRecord
from mldash.events.topics import dead_letter_topic
from mldash_ingest.dead_letters.browse import Summary, summarise

LOOK_BYTES: Final = 32 << 20
MOST_KEPT: Final = 10_000
MOST_FORGOTTEN: Final = 100_000
MOST_REASONS: Final = 20
MOST_NEWEST: Final = 50
_RECORD_BYTES: Final = 256
"""What a record costs beside its value and headers: a mark has nothing else."""


class ReasonCount(TypedDict):
    """`newest`: when the last of them was set aside, Unix seconds."""

    reason: str
    count: int
    newest: float


class WaitingLetter(TypedDict):
    """`place`: by which `mldash dead-letters` knows it. `experiment`, `kind`: None where it can't be
    decoded."""

    place: str
    time: float
    reason: str
    topic: str
    partition: int
    offset: int
    experiment: str | None
    kind: str | None
    bytes: int


class LettersAnswer(TypedDict):
    """`count`: that wait. Of the newest MOST_KEPT of them `reasons`, the most frequent first, and `newest`, the newest
    first."""

    count: int
    isAll: bool
    reasons: list[ReasonCount]
    newest: list[WaitingLetter]


class Letters:
    """Those of one topic, as of the last look."""

    def __init__(self, topic_prefix: str) -> None:
        self._topic = dead_letter_topic(topic_prefix)
        self._forget()

    async def look(self, consumer: AIOKafkaConsumer, most_bytes: int = LOOK_BYTES) -> None:
        """Read on. Raises TopicMissing, TopicSilent, KafkaError."""
        partitions = await partitions_of(consumer, [self._topic])
        begins = await consumer.beginning_offsets(partitions)
        ends = await consumer.end_offsets(partitions)
        if any(self._next.get(one, 0) > ends[one] for one in partitions):
            self._forget()  # the topic was made anew
        self._drop_removed({one.partition: offset for one, offset in begins.items()})
        async with aclosing(read_all(consumer, partitions, self._next)) as records:
            async for record in records:
                self.take(record)
                self._next[TopicPartition(record.topic, record.partition)] = record.offset + 1
                most_bytes -= _size(record)
                if most_bytes <= 0:
                    break
            else:
                # An offset may hold no record: what was read to its end is read.
                self._next |= {one: max(ends[one], self._next.get(one, 0)) for one in partitions}
        self._is_behind = any(self._next.get(one, 0) < ends[one] for one in partitions)

    def take(self, record: KafkaRecord) -> None:
        """One record of the topic: a letter, or a mark that one was replayed, which is behind it in its partition."""
        found = read_letter(record)
        if isinstance(found, Letter):
            self._waiting[found.place] = summarise(found)
        elif found is not None:
            self._waiting.pop(found.place, None)
            self._forgotten.discard(found.place)
        if len(self._waiting) > MOST_KEPT:
            place = next(iter(self._waiting))
            del self._waiting[place]
            if len(self._forgotten) < MOST_FORGOTTEN:
                self._forgotten.add(place)
            else:
                self._are_uncounted = True

    def answer(self) -> LettersAnswer:
        by_reason = defaultdict[str, list[float]](list)
        for one in self._waiting.values():
            by_reason[one.reason].append(one.time)
        reasons = [
            ReasonCount(reason=reason, count=len(times), newest=max(times)) for reason, times in by_reason.items()
        ]
        newest = sorted(self._waiting.values(), key=lambda one: (one.time, one.place), reverse=True)[:MOST_NEWEST]
        return LettersAnswer(
            count=len(self._waiting) + len(self._forgotten),
            isAll=not self._is_behind and not self._are_uncounted,
            reasons=sorted(reasons, key=lambda one: (-one["count"], -one["newest"]))[:MOST_REASONS],
            newest=[_told(one) for one in newest],
        )

    def _forget(self) -> None:
        self._next = dict[TopicPartition, int]()
        self._waiting = dict[Place, Summary]()
        self._forgotten = set[Place]()
        self._is_behind = True
        self._are_uncounted = False

    def _drop_removed(self, begins: dict[int, int]) -> None:
        """What Kafka holds no more: its time is over."""
        self._forgotten = {one for one in self._forgotten if one.offset >= begins.get(one.partition, 0)}
        self._waiting = {
            place: one for place, one in self._waiting.items() if place.offset >= begins.get(place.partition, 0)
        }


def _size(record: KafkaRecord) -> int:
    return _RECORD_BYTES + len(record.value or b"") + sum(len(value or b"") for _, value in record.headers)


def _told(one: Summary) -> WaitingLetter:
    return WaitingLetter(
        place=str(one.place),
        time=one.time,
        reason=one.reason,
        topic=one.origin.topic,
        partition=one.origin.partition,
        offset=one.origin.offset,
        experiment=one.prefix,
        kind=one.kind,
        bytes=one.size_bytes,
    )
