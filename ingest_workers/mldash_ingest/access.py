"""Whether Kafka and MongoDB let the worker do what it does, for its health and its log.

At the start it is asked before anything waits: what is shut for good raises, and says which door it is. In a run
Kafka's client tells nothing, so where something waits, or a question over the worker's own connections is not answered
soon, a look is taken on another. When access returns, the client goes on by itself.
"""

import asyncio
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from mldash.connections.errors import KafkaRefused
from mldash.connections.kafka_access import Needs, explained, why_refused
from mldash.events.topics import dead_letter_topic, event_topics, stored_topic

from .documents.mongo import Mongo, MongoUnreachable
from .kafka import Outbox
from .settings import WorkerSettings

_ANSWER_S = 4.0
_START_S = 30.0
_log = structlog.get_logger()


class Access:
    """Of one worker. `waits` says whether something of its work waits for a server."""

    def __init__(self, settings: WorkerSettings, mongo: Mongo, waits: Callable[[], bool]) -> None:
        self._settings, self._mongo, self._waits = settings, mongo, waits
        prefix = settings.topic_prefix
        self._needs = Needs(
            reads=[*event_topics(prefix), stored_topic(prefix)],
            writes=[stored_topic(prefix), dead_letter_topic(prefix)],
            group=settings.group,
        )
        self.trouble: str | None = None
        """Which door is shut, while one is."""

    async def start(self, outbox: Outbox, consumer: AIOKafkaConsumer) -> None:
        """Start both. Raises KafkaUnreachable, KafkaRefused; a topic that is not there yet is waited for."""
        found = await why_refused(self._settings, self._needs)
        if found is not None and not (isinstance(found, KafkaRefused) and found.door == "right"):
            raise found
        self._note(found)
        try:
            # A group forms when its former members have come back, or are given up: each after a session's timeout.
            async with asyncio.timeout(_START_S + 2 * self._settings.session_timeout_ms / 1_000):
                await outbox.start()
                await consumer.start()
        except (KafkaError, TimeoutError) as error:
            raise await explained(self._settings, error, self._needs) from error

    async def look(self, consumer: AIOKafkaConsumer) -> None:
        """Once; it is called with the look at all servers (dependencies.py)."""
        if self._waits() or not await _is_answered(consumer):
            self._note(await why_refused(self._settings, self._needs) or await _why_refused(self._mongo))
        else:
            self._note(None)

    def _note(self, found: Exception | None) -> None:
        said = None if found is None else str(found)
        if said is not None and said != self.trouble:
            _log.error("a server does not let this worker do its work: it waits", why=said)
        elif said is None and self.trouble is not None:
            _log.info("the servers let this worker do its work again")
        self.trouble = said


async def _why_refused(mongo: Mongo) -> MongoUnreachable | None:
    try:
        await mongo.ping()
    except MongoUnreachable as error:
        return error
    return None


async def _is_answered(consumer: AIOKafkaConsumer) -> bool:
    partitions = list(consumer.assignment())[:1]
    if not partitions:
        return False
    try:
        async with asyncio.timeout(_ANSWER_S):
            await consumer.end_offsets(partitions)
    except (KafkaError, TimeoutError):
        return False
    return True
