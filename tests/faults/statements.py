"""What offsets say (docs/protocol.md 10, invariants 3 and 6): every event below a committed offset, or below one that
`mldash.stored` tells, is readable, dead-lettered, or deleted.

All event topics, the dead letters and `mldash.stored` are read from their beginning, beside the workers.
"""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from msgspec import Struct

from mldash.connections.kafka_security import connecting
from mldash.connections.servers import Servers
from mldash.events.encoding import UndecodableRecord, decode_record
from mldash.events.letter import Letter, Origin, read_letter
from mldash.events.schema import Record
from mldash.events.stored import decode_stored
from mldash.events.topics import DEFAULT_PARTITIONS, dead_letter_topic, event_topics, stored_topic
from mldash_ingest.documents.mongo import Mongo

from .invariants import Violation
from .reader import Reader
from .sequences import Stream
from .system import GROUP

_LETTER_TRIES = 20
_JUST_NOW_S = 5.0
_NEARLY_ALL = 0.9


class Sent(Struct, frozen=True):
    """A record of an event topic; `record` is None where it can't be read."""

    offset: int
    record: Record | None


class Statements:
    """Follows the topics; `check` holds what they say against what a reader has read since."""

    def __init__(self, servers: Servers, mongo: Mongo) -> None:
        self._servers, self._mongo = servers, mongo
        self._sent: dict[TopicPartition, list[Sent]] = defaultdict(list)
        self._stated: dict[TopicPartition, int] = {}
        self._stated_at: dict[TopicPartition, float] = {}
        self._checked: dict[TopicPartition, int] = defaultdict(int)
        self._positions: dict[TopicPartition, int] = defaultdict(int)
        self.letters: dict[Origin, Letter] = {}
        self.checked_records = 0
        self._took_something = asyncio.Condition()

    async def follow(self) -> None:
        """Until cancelled; begins again where it was when the broker comes back."""
        while True:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await self._follow()
            await asyncio.sleep(0.5)

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            **connecting(self._servers),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
        )
        prefix = self._servers.topic_prefix
        try:
            async with asyncio.timeout(20):
                await consumer.start()
            partitions = [
                *self._event_partitions(),
                TopicPartition(dead_letter_topic(prefix), 0),
                TopicPartition(stored_topic(prefix), 0),
            ]
            consumer.assign(partitions)
            for partition in partitions:
                consumer.seek(partition, self._positions[partition])
            while True:
                for partition, records in (await consumer.getmany(timeout_ms=300)).items():
                    for record in records:
                        self._take(partition, record)
                        self._positions[partition] = record.offset + 1
                    async with self._took_something:
                        self._took_something.notify_all()
        finally:
            with contextlib.suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(5):
                    await consumer.stop()

    def _event_partitions(self) -> list[TopicPartition]:
        topics = event_topics(self._servers.topic_prefix)
        return [TopicPartition(topic, at) for topic, kind in topics.items() for at in range(DEFAULT_PARTITIONS[kind])]

    def _take(self, partition: TopicPartition, record: Any) -> None:
        if partition.topic == stored_topic(self._servers.topic_prefix):
            stated = decode_stored(record.value)
            one = TopicPartition(stated.topic, stated.partition)
            if stated.offset > self._stated.get(one, 0):
                self._stated[one], self._stated_at[one] = stated.offset, monotonic()
        elif partition.topic == dead_letter_topic(self._servers.topic_prefix):
            letter = read_letter(record)
            if isinstance(letter, Letter):
                self.letters[letter.origin] = letter
        else:
            self._sent[partition].append(Sent(record.offset, _decoded(record)))

    async def until_letters(self, timeout_s: float) -> None:
        """Until a letter was read, or as long."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._until(lambda: bool(self.letters))

    def active(self) -> list[TopicPartition]:
        """Of which something was stored just now."""
        return [one for one, at in self._stated_at.items() if monotonic() - at < _JUST_NOW_S]

    async def until_stored_again(self, partitions: list[TopicPartition], timeout_s: float) -> None:
        """Until more of nearly each is stored than there is now, or as long; a few may have fallen silent."""
        began, enough = monotonic(), len(partitions) * _NEARLY_ALL
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._until(lambda: sum(self._stated_at[one] > began for one in partitions) >= enough)

    async def check(self, reader: Reader) -> None:
        """(3, 6) Takes what is claimed now, lets the reader read everything, and holds one against the other."""
        claims = {partition: (offset, 6) for partition, offset in self._stated.items()}
        for partition, offset in (await self._committed()).items():
            if offset > claims.get(partition, (0, 6))[0]:
                claims[partition] = (offset, 3)
        await reader.read_all()
        await self._until_followed(claims)
        generations = {
            bytes(one["_id"]): one["gen"] async for one in self._mongo.sessions.find({}, {"_id": 1, "gen": 1})
        }
        doubts = list[tuple[Origin, Violation]]()
        for partition, (claimed, number) in claims.items():
            for sent in self._sent[partition]:
                if self._checked[partition] <= sent.offset < claimed:
                    doubt = self._doubt(reader, partition, sent, number, generations)
                    if doubt is not None:
                        doubts.append((Origin(*partition, sent.offset), doubt))
            self._checked[partition] = max(self._checked[partition], claimed)
        await self._are_letters(doubts)

    async def _are_letters(self, doubts: list[tuple[Origin, Violation]]) -> None:
        """Letters are acknowledged before the offset; we may be a moment behind them."""
        for _ in range(_LETTER_TRIES):
            doubts = [(origin, doubt) for origin, doubt in doubts if origin not in self.letters]
            if not doubts:
                return
            await asyncio.sleep(0.5)
        raise doubts[0][1]

    def _doubt(
        self, reader: Reader, partition: TopicPartition, sent: Sent, number: int, generations: dict[bytes, int]
    ) -> Violation | None:
        """Why the record is not what the offset says, unless it is a dead letter."""
        self.checked_records += 1
        where = f"{partition.topic}/{partition.partition} offset {sent.offset}"
        record = sent.record
        if record is None:
            return Violation(number, where, "it can't be read, and is no dead letter")
        if not record.count:
            return None
        stream = Stream(record.prefix, record.kind, record.name or "")
        generation = generations.get(record.session)
        if generation is None:
            return Violation(number, where, "its session is not known to the store")
        if generation != reader.generations.get(stream.prefix, 0):
            return None  # deleted
        chain, who = reader.chain(stream), reader.writer_of(record.kind, record.session)
        if chain is None or who is None or not chain.holds(who, record.first_seq, record.count):
            events = f"events {record.first_seq} … {record.first_seq + record.count - 1} of writer {who}"
            return Violation(number, where, f"said to be stored, but {events} in {stream} are not readable")
        return None

    async def _committed(self) -> dict[TopicPartition, int]:
        """Of the workers' group; nothing where the broker is away."""
        admin = AIOKafkaAdminClient(**connecting(self._servers), request_timeout_ms=10_000)
        try:
            async with asyncio.timeout(15):
                await admin.start()
                offsets = await admin.list_consumer_group_offsets(GROUP)
        except (KafkaError, OSError, TimeoutError):
            return {}
        finally:
            with contextlib.suppress(Exception):  # it is given up whatever it says
                async with asyncio.timeout(5):
                    await admin.close()
        return {partition: there.offset for partition, there in offsets.items() if there.offset > 0}

    async def lag(self) -> int:
        """Records that were sent and are not committed. -1: nobody knows at this moment."""
        committed = await self._committed()
        consumer = AIOKafkaConsumer(**connecting(self._servers))
        try:
            async with asyncio.timeout(20):
                await consumer.start()
                ends = await consumer.end_offsets(self._event_partitions())
        except (KafkaError, OSError, TimeoutError):
            return -1
        finally:
            with contextlib.suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(5):
                    await consumer.stop()
        return sum(end - committed.get(partition, 0) for partition, end in ends.items())

    async def _until_followed(self, claims: dict[TopicPartition, tuple[int, int]]) -> None:
        await self._until(lambda: all(self._positions[one] >= claimed for one, (claimed, _) in claims.items()))

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Looked at whenever something was taken."""
        async with self._took_something:
            await self._took_something.wait_for(is_so)


def _decoded(record: Any) -> Record | None:
    try:
        return decode_record(record.value, record.headers)
    except UndecodableRecord:
        return None
