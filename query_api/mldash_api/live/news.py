"""`mldash.stored`, followed while somebody listens: which kinds of streams have something new.

A statement is only a reason to look into MongoDB. Where Kafka is away, or does not let us read the topic, or says
nothing, whoever waits looks by the clock.
"""

import asyncio
from time import monotonic
from typing import Final

from aiokafka import AIOKafkaConsumer

from mldash.connections.ended_clients import why_consumer_ended
from mldash.connections.errors import TopicSilent
from mldash.connections.servers import KafkaServer
from mldash.connections.topic_reading import partitions_of, reading
from mldash.events.identity import KINDS
from mldash.events.stored import decode_stored
from mldash.events.topics import event_topics, stored_topic

_POLL_MS: Final = 500
_WITHOUT_S: Final = 0.5
"""Between looks while nothing is heard of Kafka."""
_LINGER_S: Final = 30.0
"""For the next listener, or the next page of one who polls."""
_SILENT_S: Final = 2.0
"""Between looks while it says nothing."""


class News:
    """One a process. `follow` is a step of a supervisor; `wait` is for who looks."""

    def __init__(self, server: KafkaServer) -> None:
        self._server = server
        self._topic = stored_topic(server.topic_prefix)
        self._kinds = event_topics(server.topic_prefix)
        self._upto = dict[tuple[str, int], int]()
        self._new = set[str]()
        self._heard = asyncio.Event()
        self._wanted = asyncio.Event()
        self._unwanted_at = float("-inf")
        self.is_following = False

    def want(self, wanted: bool) -> None:
        """Whether somebody listens."""
        if wanted:
            self._wanted.set()
        elif self._wanted.is_set():
            self._wanted.clear()
            self._unwanted_at = monotonic()

    async def wanted(self) -> None:
        await self._wanted.wait()

    def tell(self) -> None:
        """There is a reason to look at everything now."""
        self._new.update(KINDS)
        self._heard.set()

    async def wait(self) -> set[str]:
        """The kinds of which something is new, or may be: at the latest after a while all of them."""
        try:
            async with asyncio.timeout(_SILENT_S if self.is_following else _WITHOUT_S):
                await self._heard.wait()
        except TimeoutError:
            return set(KINDS)
        self._heard.clear()
        new, self._new = self._new, set()
        return new

    async def follow(self) -> None:
        """While somebody listens. Raises TopicError, KafkaError; a broker that is away is waited for."""
        await self._wanted.wait()
        async with reading(self._server) as consumer:
            partitions = await partitions_of(consumer, [self._topic])
            consumer.assign(partitions)
            for partition, end in (await consumer.end_offsets(partitions)).items():
                consumer.seek(partition, end)
            self.is_following = True
            try:
                self.tell()  # what was stored before the first statement that is heard
                while self._wanted.is_set() or monotonic() - self._unwanted_at < _LINGER_S:
                    await self._hear(consumer)
            finally:
                self.is_following = False

    async def _hear(self, consumer: AIOKafkaConsumer) -> None:
        found = await consumer.getmany(timeout_ms=_POLL_MS)
        if not found and (ended := why_consumer_ended(consumer)) is not None:
            raise TopicSilent([self._topic], f"Kafka's client has ended ({ended})")
        for records in found.values():
            for record in records:
                if record.value:
                    self._take(record.value)

    def _take(self, value: bytes) -> None:
        said = decode_stored(value)
        kind, partition = self._kinds.get(said.topic), (said.topic, said.partition)
        # Most are repeated: a topic made anew begins below, so any other offset is news.
        if kind is not None and self._upto.get(partition) != said.offset:
            self._upto[partition] = said.offset
            self._new.add(kind)
            self._heard.set()
