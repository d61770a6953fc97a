"""Topics followed as they grow; where it is asked for, only what is stored (docs/protocol.md 8).

A follower of durable data reads `mldash.stored` beside the event topics. A partition is paused where its announced
offset is, instead of being buffered. What lies below it is stored, or its dead letter was acknowledged before the
announcement: so the letters are read to their present end each time an offset has advanced, and records that became
letters are left out. Topics are at least once: events that came before, by session, stream and seq, are cut away.
"""

from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from mldash.events.encoding import UndecodableRecord
from mldash.events.letter import Letter, Origin, read_letter
from mldash.events.reading import Event, KafkaRecord, decode, events_of
from mldash.events.schema import Record
from mldash.events.seen import HOLES, Seen
from mldash.events.stored import decode_stored
from mldash.events.topics import dead_letter_topic, event_topic, stored_topic

from .ended_clients import why_consumer_ended
from .errors import TopicSilent
from .servers import KafkaServer
from .topic_ids import is_another, topic_ids
from .topic_reading import partitions_of, reading

_POLL_MS: Final = 200
_KNOWN: Final = 100_000


class Followed(NamedTuple):
    """One record, and those of its events that were not given before."""

    origin: Origin
    record: Record
    events: list[Event]


class Follower:
    """Follows the event topics of some kinds. `async with`, then iterate; it ends when its task does."""

    def __init__(self, server: KafkaServer, kinds: Collection[str], *, stored: bool, beginning: bool) -> None:
        """`beginning`: from the earliest offset that the topics keep, else from now on."""
        self._server, self._topic_prefix, self._kinds = server, server.topic_prefix, kinds
        self._stored, self._beginning = stored, beginning
        self._resources = AsyncExitStack()
        self._consumers = list[AIOKafkaConsumer]()
        self._upto = dict[TopicPartition, int]()
        self._letters = set[Origin]()
        self._seen = OrderedDict[tuple[bytes, str, str | None], Seen]()

    async def __aenter__(self) -> "Follower":
        """Raises KafkaUnreachable, KafkaRefused, TopicMissing."""
        self._events = await self._consumer([event_topic(self._topic_prefix, kind) for kind in self._kinds])
        await self._seek(self._events, beginning=self._beginning)
        if self._stored:
            self._incarnations = await topic_ids(self._events._client, {one.topic for one in self._events.assignment()})
            self._statements = await self._consumer([stored_topic(self._topic_prefix)])
            self._set_aside = await self._consumer([dead_letter_topic(self._topic_prefix)])
            for consumer in (self._statements, self._set_aside):
                await self._seek(consumer, beginning=True)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._resources.aclose()

    async def __aiter__(self) -> AsyncIterator[Followed]:
        """Raises TopicSilent where a client has ended inside; a broker that is away is waited for."""
        while True:
            if self._stored:
                await self._learn()
            found = await self._events.getmany(timeout_ms=_POLL_MS)
            if not found:
                self._look_whether_ended()
            for partition, records in found.items():
                for record in records:
                    if self._stored and record.offset >= self._upto.get(partition, 0):
                        self._events.seek(partition, record.offset)
                        self._events.pause(partition)
                        break
                    followed = self._take(record)
                    if followed is not None:
                        yield followed

    def _look_whether_ended(self) -> None:
        """Of the topics: a client that has ended gives nothing, for ever, and does not say so."""
        for consumer in self._consumers:
            if (ended := why_consumer_ended(consumer)) is not None:
                topics = sorted({one.topic for one in consumer.assignment()})
                raise TopicSilent(topics, f"Kafka's client has ended ({ended}); follow anew")

    async def _consumer(self, topics: list[str]) -> AIOKafkaConsumer:
        consumer = await self._resources.enter_async_context(reading(self._server))
        consumer.assign(await partitions_of(consumer, topics))
        self._consumers.append(consumer)
        return consumer

    async def _seek(self, consumer: AIOKafkaConsumer, *, beginning: bool) -> None:
        partitions = consumer.assignment()
        offsets = await (consumer.beginning_offsets(partitions) if beginning else consumer.end_offsets(partitions))
        for partition, offset in offsets.items():
            consumer.seek(partition, offset)

    async def _learn(self) -> None:
        """Take in new announcements on the topics as they are; consumers keep the highest offset."""
        advanced = False
        for records in (await self._statements.getmany(timeout_ms=0)).values():
            for record in records:
                if not record.value:
                    continue
                said = decode_stored(record.value)
                if is_another(self._incarnations, said.topic, said.incarnation):
                    continue  # of an earlier topic of that name
                partition = TopicPartition(said.topic, said.partition)
                if said.offset > self._upto.get(partition, 0):
                    self._upto[partition] = said.offset
                    advanced = True
        if advanced:
            await self._read_letters()
            behind = [one for one in self._events.paused() if self._upto.get(one, 0) > await self._events.position(one)]
            self._events.resume(*behind)

    async def _read_letters(self) -> None:
        """To what is the end now."""
        ends = await self._set_aside.end_offsets(self._set_aside.assignment())
        for partition, end in ends.items():
            while await self._set_aside.position(partition) < end:
                for records in (await self._set_aside.getmany(partition, timeout_ms=_POLL_MS)).values():
                    letters = (read_letter(record) for record in records)
                    self._letters.update(letter.origin for letter in letters if isinstance(letter, Letter))

    def _take(self, message: KafkaRecord) -> Followed | None:
        """The record with its new events; None for what is none, became a letter, or brings nothing new."""
        origin = Origin(message.topic, message.partition, message.offset)
        if origin in self._letters:
            self._letters.discard(origin)
            return None
        try:
            record = decode(message)
        except UndecodableRecord:
            return None
        if not record.count:
            return None
        events = self._fresh(record)
        return Followed(origin, record, events) if events else None

    def _fresh(self, record: Record) -> list[Event]:
        """Events that did not come before, of the sessions and streams that were heard of last."""
        stream = (record.session, record.kind, record.name)
        seen = self._seen.pop(stream, None) or Seen()
        self._seen[stream] = seen
        if len(self._seen) > _KNOWN:
            self._seen.popitem(last=False)
        first, end = record.first_seq, record.first_seq + record.count
        parts = seen.fresh(first, end)
        for part in parts:
            seen.add(part.first, part.end)
        del seen.holes[: max(0, len(seen.holes) - HOLES)]
        events = list(events_of(record))
        return [event for part in parts for event in events[part.first - first : part.end - first]]
