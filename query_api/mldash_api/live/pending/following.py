"""The partitions of what is listened to, read from what `mldash.stored` says on, without a group.

A stream that is new has a name that nobody here knows, so all partitions of the kinds that are asked for are read, and
what nobody listens to is left. One consumer reads the statements too: none is missed between two clients. When a
listener comes, reading goes back to what is stored, for what was left before may be its; what is held is known by name.
aiokafka's `assign` forgets all positions, so other kinds are another assignment.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from mldash.connections.ended_clients import why_consumer_ended
from mldash.connections.errors import KafkaRefused, TopicSilent
from mldash.connections.kafka_access import AUTHORIZATION
from mldash.connections.topic_ids import is_another, topic_ids
from mldash.connections.topic_reading import partitions_of, read_all, reading
from mldash.events.encoding import UndecodableRecord, decode_raw
from mldash.events.reading import KafkaRecord, decode
from mldash.events.stored import StoredUpTo, decode_stored
from mldash.events.topics import event_topic, stored_topic
from mldash_api.live.asked import CHAINS
from mldash_api.settings import ApiSettings
from mldash_ingest.documents.buckets import Source

from .telling import State, wants
from .waiting import Waiting

if TYPE_CHECKING:
    from mldash_api.live.listener import Listener

_POLL_MS: Final = 250
_MOST_AT_ONCE: Final = 200
"""Records that are decoded between two turns of others."""
_PACE_S: Final = 0.05
"""Between two looks: what came meanwhile is told together."""
_REST_S: Final = 30.0
"""Before partitions are counted again that were too many."""
_log = structlog.get_logger()


class Pending:
    """One a process. `follow` is a step of a supervisor."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._listeners: set[Listener] = set()
        self._changed = asyncio.Event()
        self._is_changed = False
        self.waiting = Waiting()
        self.state: State | None = None
        """None: not known yet."""
        self.epoch = 0
        """Another one: nothing that was told before counts."""

    def comes(self, listener: "Listener") -> None:
        """It may ask for pending events."""
        if listener.asked.pending:
            self._listeners.add(listener)
            self._note_change()

    def goes(self, listener: "Listener") -> None:
        """Its partitions are free, if they are no other's."""
        if listener in self._listeners:
            self._listeners.discard(listener)
            self._note_change()

    def stored(self, stream: tuple[str, str, str | None], sources: Iterable[Source]) -> None:
        """These were seen in the store, and are told."""
        if self._listeners and self.waiting.stored(stream, sources):
            self._tell()

    async def follow(self) -> None:
        """While somebody listens. Raises TopicError, KafkaError, KafkaUnreachable, KafkaRefused."""
        while not (kinds := self._kinds()):
            await self._changed.wait()
            self._changed.clear()
        topics = [event_topic(self._settings.topic_prefix, kind) for kind in kinds]
        try:
            async with reading(self._settings) as consumer:
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
        self._changed.clear()
        try:
            async with asyncio.timeout(_REST_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _follow(self, consumer: AIOKafkaConsumer, kinds: set[str], partitions: list[TopicPartition]) -> None:
        topics = {one.topic for one in partitions}
        incarnations = await topic_ids(consumer._client, topics)
        said = await partitions_of(consumer, [stored_topic(self._settings.topic_prefix)])
        upto = dict[TopicPartition, int]()
        async for record in read_all(consumer, said):
            _take_statement(record, incarnations, upto)
        ends = {one: await consumer.position(one) for one in said}
        consumer.assign([*partitions, *said])
        first = await consumer.beginning_offsets(partitions)
        for partition, end in ends.items():
            consumer.seek(partition, end)
        _seek(consumer, first, upto)
        self._begin(State(on=True))
        self._is_changed = False
        while self._kinds() == kinds:
            if self._is_changed:
                self._is_changed = False
                if self.waiting.keep(self._is_wanted):
                    self._tell()
                _seek(consumer, first, upto)
            self._hold_back(consumer, partitions, upto)
            found = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MOST_AT_ONCE)
            if not found and (ended := why_consumer_ended(consumer)) is not None:
                raise TopicSilent(sorted(topics), f"Kafka's client has ended ({ended})")
            if self._take(found, incarnations, upto):
                return  # a topic was made anew: its offsets are others
            await asyncio.sleep(_PACE_S)
        self._begin(None)

    def _take(
        self,
        found: Mapping[TopicPartition, Sequence[KafkaRecord]],
        incarnations: Mapping[str, str],
        upto: dict[TopicPartition, int],
    ) -> bool:
        """Whether a topic that is followed was made anew."""
        is_new, now, statements = False, monotonic(), stored_topic(self._settings.topic_prefix)
        for partition, records in found.items():
            for record in records:
                if partition.topic != statements:
                    is_new = self._add(record, upto.get(partition, 0)) or is_new
                elif (said := _take_statement(record, incarnations, upto)) is not None:
                    if is_another(incarnations, said.topic, said.incarnation):
                        return True
                    self.waiting.pass_by((said.topic, said.partition), said.offset, now)
        if self.waiting.settle(now) or is_new:
            self._tell()
        return False

    def _add(self, message: KafkaRecord, upto: int) -> bool:
        if message.offset < upto:
            return False
        try:
            raw = decode_raw(message.value, message.headers)
            if not raw.blocks or not self._is_wanted(raw.prefix, raw.kind, raw.name):
                return False
            record = decode(message)
        except UndecodableRecord:
            return False  # the worker sets it aside
        size = len(message.value or b"")
        return record.count > 0 and self.waiting.add((message.topic, message.partition), message.offset, record, size)

    def _hold_back(
        self, consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], upto: Mapping[TopicPartition, int]
    ) -> None:
        """Nothing more is read while as much is held as may be; it goes on at what is stored."""
        is_full = self.state is not None and self.state.full
        if not is_full and self.waiting.bytes > self._settings.live_pending_bytes:
            consumer.pause(*partitions)
            self._say(State(on=True, full=True))
        elif is_full and self.waiting.bytes <= self._settings.live_pending_bytes // 2:
            consumer.resume(*partitions)
            self._say(State(on=True))

    def _kinds(self) -> set[str]:
        told = {kind for listener in self._listeners for kind in listener.asked.kinds}
        return {kind for kind, telling in CHAINS.items() if telling in told}

    def _is_wanted(self, prefix: str, kind: str, name: str | None) -> bool:
        return any(wants(listener, prefix, kind, name) for listener in self._listeners)

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

    def _note_change(self) -> None:
        self._is_changed = True
        self._changed.set()


def _take_statement(
    record: KafkaRecord, incarnations: Mapping[str, str], upto: dict[TopicPartition, int]
) -> StoredUpTo | None:
    """What a record says; None: nothing. What is said of another topic of the name changes no offset."""
    if not record.value:
        return None
    said = decode_stored(record.value)
    if not is_another(incarnations, said.topic, said.incarnation):
        partition = TopicPartition(said.topic, said.partition)
        upto[partition] = max(upto.get(partition, 0), said.offset)
    return said


def _seek(consumer: AIOKafkaConsumer, first: Mapping[TopicPartition, int], upto: Mapping[TopicPartition, int]) -> None:
    for partition, offset in first.items():
        consumer.seek(partition, max(offset, upto.get(partition, 0)))
