"""The number of partitions of each event topic: the one thing that the API asks of Kafka.

A session keeps the counts that it started with, and they only ever grow; so an old answer stays right: it is given at
once, whatever Kafka does, and asked for anew behind it. Only the first answer is waited for, by all callers together.
"""

import asyncio
from time import monotonic
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from mldash.connections.kafka_access import explained
from mldash.connections.kafka_security import connecting
from mldash.connections.servers import KafkaServer
from mldash.events.identity import KINDS
from mldash.events.topics import TopicAddress, event_topic

from .errors import ServerAway, TopicsMissing
from .limits import KAFKA_TIMEOUT_S

_KEPT_S: Final = 30.0
_CLOSE_S: Final = 2.0

KAFKA_TROUBLES: Final = (KafkaError, OSError, TimeoutError, RuntimeError)
"""RuntimeError is uvloop's of a connection that was just closed (mldash/connections/ended_clients.py)."""

_log = structlog.get_logger()


class Topics:
    """The event topics of one prefix, asked for at most every half minute, once for all callers."""

    def __init__(self, server: KafkaServer) -> None:
        self._server = server
        self._names = {kind: event_topic(server.topic_prefix, kind) for kind in KINDS}
        self._known: dict[str, TopicAddress] = {}
        self._asked_at = -_KEPT_S
        self._asking: asyncio.Task[None] | None = None

    async def addresses(self) -> dict[str, TopicAddress]:
        """Kind → topic and partition count. Raises ServerAway, TopicsMissing where nothing is known yet."""
        is_asking = self._asking is not None and not self._asking.done()
        if not is_asking and (not self._known or monotonic() - self._asked_at > _KEPT_S):
            self._asking = asyncio.create_task(self._refresh())
            self._asking.add_done_callback(look_away)
        if not self._known and self._asking is not None:
            await asyncio.shield(self._asking)  # a caller that goes away does not end the others' attempt
        return self._known

    async def ask(self) -> None:
        """Ask Kafka now; what it answers is known from here on. Raises ServerAway, TopicsMissing."""
        self._asked_at = monotonic()
        try:
            self._known = await self._ask()
        except TopicsMissing:
            self._known = {}  # whoever connects next is told
            raise

    async def close(self) -> None:
        """End what is asked at the moment."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _refresh(self) -> None:
        try:
            await self.ask()
        except ServerAway as error:
            if not self._known:
                raise
            _log.warning("partition counts are those of before", error=str(error))

    async def _ask(self) -> dict[str, TopicAddress]:
        admin = AIOKafkaAdminClient(**connecting(self._server), client_id="mldash-api")
        try:
            async with asyncio.timeout(KAFKA_TIMEOUT_S):
                await admin.start()
                described: list[dict[str, Any]] = await admin.describe_topics(list(self._names.values()))
        except KAFKA_TROUBLES as error:
            raise await kafka_away(self._server, error) from error
        finally:
            await _close(admin)
        counts = {one["topic"]: len(one["partitions"]) for one in described if not one["error_code"]}
        missing = [name for name in self._names.values() if not counts.get(name)]
        if missing:
            raise TopicsMissing(missing)
        return {kind: TopicAddress(name, counts[name]) for kind, name in self._names.items()}


async def _close(admin: AIOKafkaAdminClient) -> None:
    try:
        async with asyncio.timeout(_CLOSE_S):
            await admin.close()
    except (KafkaError, OSError, TimeoutError):
        return  # it hangs: its sockets go with it


async def kafka_away(server: KafkaServer, error: BaseException) -> ServerAway:
    """The problem for one of KAFKA_TROUBLES, after a look at which door is shut."""
    return ServerAway("Kafka", str(await explained(server, error)))


def look_away(done: "asyncio.Future[Any]") -> None:
    """Drop the outcome of what its callers have left: the next attempt tells."""
    if not done.cancelled():
        done.exception()
