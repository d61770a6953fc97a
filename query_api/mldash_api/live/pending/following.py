"""The partitions of what is listened to, read from what `mldash.stored` says on, without a group.

A stream that is new has a name that nobody here knows, so all partitions of the kinds that are asked for are read, and
what nobody listens to is left. One consumer reads the statements too: none is missed between two clients. When a
listener comes who asks for something new, reading goes back to what is stored, for what was left before may be its;
what is held is known by name. What was asked for stays so for a while: somebody who polls hears what came meanwhile.
aiokafka's `assign` forgets all positions, so kinds that are not read yet are another assignment.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from mldash.connections.ended_clients import why_consumer_ended
from mldash.connections.errors import KafkaRefused, TopicSilent
from mldash.connections.kafka_access import AUTHORIZATION
from mldash.connections.topic_ids import topic_ids
from mldash.connections.topic_reading import partitions_of, read_all, reading
from mldash.events.encoding import UndecodableRecord, decode_raw
from mldash.events.reading import KafkaRecord
from mldash.events.topics import event_topic, event_topics, stored_topic
from mldash_api.live.asked import Asked
from mldash_api.settings import ApiSettings
from mldash_ingest.documents.buckets import Source
from mldash_ingest.fetch.decode import SetAside, decode

from .offsets import Offsets
from .telling import State
from .waiting import Waiting
from .wanted import Wanted

if TYPE_CHECKING:
    from mldash_api.live.listener import Listener

_POLL_MS: Final = 250
_MOST_AT_ONCE: Final = 200
"""Records that are decoded between two turns of others."""
_PACE_S: Final = 0.05
"""Between two looks: what came meanwhile is told together."""
_REST_S: Final = 30.0
"""Before partitions are counted again that were too many."""
_LINGER_S: Final = 30.0
"""For the next listener, or the next page of one who polls."""
_log = structlog.get_logger()


class Pending:
    """One a process. `follow` is a step of a supervisor."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._kinds = event_topics(settings.topic_prefix)
        self._listeners: dict[Listener, Asked] = {}
        self._wanted = Wanted()
        self._changed = asyncio.Event()
        self._is_changed = self._has_come = False
        self.waiting = Waiting()
        self.state: State | None = None
        """None: not known yet."""
        self.epoch = 0
        """Another one: nothing that was told before counts."""
        self.linger_s = _LINGER_S
        self.is_following = False
        """Whether Kafka has a client of ours."""

    def comes(self, listener: "Listener") -> None:
        """It may ask for pending events."""
        if listener.asked.pending:
            self._listeners[listener] = listener.asked
            if self._wanted.comes(listener.asked):
                self._is_changed = self._has_come = True
                self._changed.set()

    def goes(self, listener: "Listener") -> None:
        """What it asked for is free after a while, if it is no other's."""
        if (asked := self._listeners.pop(listener, None)) is not None:
            self._wanted.goes(asked, monotonic())

    def stored(self, stream: tuple[str, str, str | None], sources: Iterable[Source]) -> None:
        """These were seen in the store, and are told."""
        if self._wanted.kinds and self.waiting.stored(stream, sources):
            self._tell()

    async def follow(self) -> None:
        """While somebody listens. Raises TopicError, KafkaError, KafkaUnreachable, KafkaRefused."""
        kinds = await self._next_kinds()
        topics = [event_topic(self._settings.topic_prefix, kind) for kind in kinds]
        try:
            async with self._reading() as consumer:
                partitions = await partitions_of(consumer, topics)
                if len(partitions) <= self._settings.live_pending_partitions:
                    await self._follow(consumer, kinds, partitions)
                    return
        except AUTHORIZATION:
            self._begin(State(on=False, reason="not-allowed"))
            raise
        except KafkaRefused as error:
            self._begin(State(on=False, reason="not-allowed" if error.door == "right" else "kafka-away"))
            raise
        except Exception:
            self._begin(State(on=False, reason="kafka-away"))
            raise
        self._begin(State(on=False, reason="too-many-partitions"))
        try:
            async with asyncio.timeout(_REST_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _next_kinds(self) -> frozenset[str]:
        """Those that are asked for, as soon as any are."""
        while True:
            self._changed.clear()
            self._forget()
            if self._wanted.kinds:
                return self._wanted.kinds
            await self._changed.wait()

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AIOKafkaConsumer]:
        self.is_following = True
        try:
            async with reading(self._settings) as consumer:
                yield consumer
        finally:
            self.is_following = False

    async def _follow(
        self, consumer: AIOKafkaConsumer, kinds: frozenset[str], partitions: list[TopicPartition]
    ) -> None:
        topics = {one.topic for one in partitions}
        offsets = Offsets(await topic_ids(consumer._client, topics))
        said = await partitions_of(consumer, [stored_topic(self._settings.topic_prefix)])
        async for record in read_all(consumer, said):
            offsets.take_statement(record)
        ends = {one: await consumer.position(one) for one in said}
        consumer.assign([*partitions, *said])
        _seek(consumer, ends)
        _seek(consumer, offsets.begin(await consumer.beginning_offsets(partitions)))
        self._begin(State(on=True))
        self._is_changed = self._has_come = False
        while self._wanted.kinds and self._wanted.kinds <= kinds:
            if self._is_changed and self.waiting.keep(self._wanted.has):
                self._tell()
            if self._has_come:
                _seek(consumer, offsets.go_back())
            self._is_changed = self._has_come = False
            self._hold_back(consumer, partitions)
            found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_AT_ONCE)
            if not found and (ended := why_consumer_ended(consumer)) is not None:
                raise TopicSilent(sorted(topics), f"Kafka's client has ended ({ended})")
            if self._take(found, offsets):
                return  # a topic was made anew: its offsets are others
            _seek(consumer, offsets.skip())
            self._forget()
            await asyncio.sleep(_PACE_S)
        self._begin(None)

    def _take(self, found: Mapping[TopicPartition, Sequence[KafkaRecord]], offsets: Offsets) -> bool:
        """Whether a topic that is followed was made anew."""
        is_new, now, statements = False, monotonic(), stored_topic(self._settings.topic_prefix)
        for partition, records in found.items():
            for record in records:
                if partition.topic != statements:
                    is_new = self._add(record, offsets.stored(partition)) or is_new
                elif (said := offsets.take_statement(record)) is not None:
                    if offsets.is_of_another(said):
                        return True
                    self.waiting.pass_by((said.topic, said.partition), said.offset, now)
            if partition.topic != statements:
                offsets.has_read(partition, records[-1].offset + 1)
        if self.waiting.settle(now) or is_new:
            self._tell()
        return False

    def _add(self, message: KafkaRecord, upto: int) -> bool:
        if message.offset < upto:
            return False
        try:
            raw = decode_raw(message.value, message.headers)
        except UndecodableRecord:
            return False  # the worker sets it aside
        if not raw.blocks or not self._wanted.has(raw.prefix, raw.kind, raw.name):
            return False
        found = decode(message, self._kinds[message.topic])
        if isinstance(found, SetAside) or not found.record.count:
            return False
        size = len(message.value or b"")
        return self.waiting.add((message.topic, message.partition), message.offset, found.record, size)

    def _hold_back(self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition]) -> None:
        """Nothing more is read while as much is held as may be; it goes on at what is stored."""
        is_full = self.state is not None and self.state.full
        if not is_full and self.waiting.bytes > self._settings.live_pending_bytes:
            consumer.pause(*partitions)
            self._say(State(on=True, full=True))
        elif is_full and self.waiting.bytes <= self._settings.live_pending_bytes // 2:
            consumer.resume(*partitions)
            self._say(State(on=True))

    def _forget(self) -> None:
        """What nobody has asked for lately; where no more may be held, all that nobody asks for now."""
        is_full = self.state is not None and self.state.full
        if self._wanted.forget(monotonic() - (0.0 if is_full else self.linger_s)):
            self._is_changed = True

    def _begin(self, state: State | None) -> None:
        """Of another assignment, or none."""
        if state is not None and state == self.state and not state.on:
            return
        if state is not None and not state.on:
            _log.warning("events that are not stored yet are not told", why=state.reason)
        self.waiting, self.epoch = Waiting(), self.epoch + 1
        self._say(state)

    def _say(self, state: State | None) -> None:
        self.state = state
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.has_pending()


def _seek(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    for partition, offset in offsets.items():
        consumer.seek(partition, offset)
