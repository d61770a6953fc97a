"""Topics read from one offset to another, without a consumer group: for commands that read and change nothing."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Final, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from mldash.events.reading import KafkaRecord

from .errors import TopicMissing, TopicSilent
from .kafka_access import start
from .kafka_security import connecting
from .servers import KafkaServer

_FETCH_BYTES: Final = 16 << 20
_POLL_MS: Final = 500
_SILENCE_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 5.0
_log = logging.getLogger(__name__)


class Stoppable(Protocol):
    """A consumer or a producer of aiokafka."""

    async def stop(self) -> None: ...


@asynccontextmanager
async def reading(server: KafkaServer) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer that nothing is assigned to yet. Raises KafkaUnreachable, KafkaRefused."""
    consumer = _make_reader(server)
    try:
        await start(server, consumer)
        yield consumer
    finally:
        await stop_quietly(consumer)


@asynccontextmanager
async def administering(server: KafkaServer) -> AsyncIterator[AIOKafkaAdminClient]:
    """Raises KafkaUnreachable, KafkaRefused."""
    admin = AIOKafkaAdminClient(**connecting(server))
    try:
        await start(server, admin)
        yield admin
    finally:
        with suppress(TimeoutError, KafkaError, OSError):  # as stop() of the others, it may hang
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await admin.close()


async def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> list[TopicPartition]:
    """Every partition of these topics. Raises TopicMissing."""
    # As consumer.topics() asks; its own partitions_for_topic() knows only what was assigned before.
    cluster = await consumer._client.fetch_all_metadata()
    found: list[TopicPartition] = []
    for topic in topics:
        numbers = cluster.partitions_for_topic(topic)
        if not numbers:
            raise TopicMissing(topic)
        found += [TopicPartition(topic, number) for number in sorted(numbers)]
    return found


async def read_all(
    consumer: AIOKafkaConsumer, partitions: Iterable[TopicPartition], begin: Mapping[TopicPartition, int] | None = None
) -> AsyncGenerator[KafkaRecord, None]:
    """From `begin` (else the earliest offset) to what is the end now. Raises TopicSilent where nothing comes."""
    chosen = list(partitions)
    consumer.assign(chosen)
    first = await consumer.beginning_offsets(chosen)
    ends = await consumer.end_offsets(chosen)
    open_ = set[TopicPartition]()
    for partition in chosen:
        start = max(first[partition], (begin or {}).get(partition, 0))
        consumer.seek(partition, start)
        if start < ends[partition]:
            open_.add(partition)
    heard = monotonic()
    while open_:
        try:
            found = await consumer.getmany(*open_, timeout_ms=_POLL_MS)
        except KafkaError as error:
            raise TopicSilent(sorted({one.topic for one in open_}), f"{type(error).__name__}: {error}") from error
        for partition, records in found.items():
            heard = monotonic()
            for record in records:
                if record.offset < ends[partition]:
                    yield record
        for partition in [*open_]:
            if await consumer.position(partition) >= ends[partition]:
                open_.discard(partition)
        if monotonic() - heard > _SILENCE_S:
            raise TopicSilent(sorted({one.topic for one in open_}), f"nothing came for {_SILENCE_S:g} s")


async def stop_quietly(client: Stoppable) -> None:
    """Stop within a bound, and whatever it meets: aiokafka's stop() hangs while the broker is away, and raises the
    CancelledError of its own tasks, which would pass for one of ours
    (findings/aiokafka_stop_raises_its_own_cancellation.sh)."""
    stopping = asyncio.ensure_future(client.stop())
    try:
        await asyncio.wait({stopping}, timeout=_STOP_TIMEOUT_S)
        why = _why_not_in_order(stopping)
    finally:
        stopping.cancel()  # nothing, where it is done
    if why is not None:
        _log.warning("a Kafka client did not stop in order: %s", why)
        # Whatever stop() has met, it did not come to its connections.
        await asyncio.wait({asyncio.ensure_future(_connections_of(client).close())}, timeout=_STOP_TIMEOUT_S)


def _why_not_in_order(stopping: asyncio.Future[None]) -> str | None:
    if not stopping.done():
        return f"it takes longer than {_STOP_TIMEOUT_S:g} s"
    if stopping.cancelled():
        return "a task of its own was cancelled as it waited to try again"
    error = stopping.exception()
    return None if error is None else f"{type(error).__name__}: {error}"


def _connections_of(client: Stoppable) -> AIOKafkaClient:
    connections: AIOKafkaClient = getattr(client, "client", None) or vars(client)["_client"]
    return connections


def _make_reader(server: KafkaServer) -> AIOKafkaConsumer:
    """Not started, and of no group: it reads what is assigned to it by hand, and leaves no trace."""
    return AIOKafkaConsumer(
        **connecting(server),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        fetch_max_bytes=_FETCH_BYTES,
    )
