"""How many partitions each event topic has: the one thing that the API asks of Kafka.

A session keeps the counts that it started with, and they only ever grow; so an old answer stays right, and is given
while Kafka is away.
"""

import asyncio
from time import monotonic
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from mldash.producer.answers.shapes import TopicAddress
from mldash.producer.events.identity import KINDS
from mldash.producer.events.topics import event_topic

from .errors import ServerAway, TopicsMissing

_KEPT_S: Final = 30.0
_TIMEOUT_S: Final = 10.0
_log = structlog.get_logger()


class Topics:
    """The event topics of one prefix, asked for at most every half minute."""

    def __init__(self, kafka: str, topic_prefix: str) -> None:
        self._kafka = kafka
        self._names = {kind: event_topic(topic_prefix, kind) for kind in KINDS}
        self._known: dict[str, TopicAddress] = {}
        self._asked_at = 0.0
        self._asking = asyncio.Lock()

    async def addresses(self) -> dict[str, TopicAddress]:
        """Kind → topic and partition count. Raises ServerAway, TopicsMissing."""
        async with self._asking:
            if not self._known or monotonic() - self._asked_at > _KEPT_S:
                try:
                    self._known = await self._ask()
                    self._asked_at = monotonic()
                except ServerAway as error:
                    if not self._known:
                        raise
                    _log.warning("partition counts are those of before", error=str(error))
        return self._known

    async def _ask(self) -> dict[str, TopicAddress]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka, client_id="mldash-api")
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                await admin.start()
                described: list[dict[str, Any]] = await admin.describe_topics(list(self._names.values()))
        except (KafkaError, OSError, TimeoutError) as error:
            reason = f"Kafka at {self._kafka} does not answer: {str(error) or type(error).__name__}"
            raise ServerAway("Kafka", reason) from error
        finally:
            await admin.close()
        counts = {one["topic"]: len(one["partitions"]) for one in described if not one["error_code"]}
        missing = [name for name in self._names.values() if not counts.get(name)]
        if missing:
            raise TopicsMissing(missing)
        return {kind: TopicAddress(name, counts[name]) for kind, name in self._names.items()}
