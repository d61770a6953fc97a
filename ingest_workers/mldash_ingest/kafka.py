"""The worker's Kafka: a consumer with static membership, a producer with deadlines for statements and letters."""

import asyncio
import contextlib
import hashlib
import socket
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from mldash.connections.ended_clients import why_producer_ended
from mldash.connections.kafka_security import connecting
from mldash.connections.servers import KafkaServer
from mldash.connections.topic_reading import stop_quietly
from mldash.events.encoding import UndecodableRecord, decode_head
from mldash.events.limits import RECORD_BYTES
from mldash.events.reading import KafkaRecord

from .settings import WorkerSettings

_MAX_POLL_INTERVAL_MS = 15 * 60_000
_SEND_TIMEOUT_S = 30.0
_log = structlog.get_logger()


class Message(NamedTuple):
    """A statement or a dead letter as it is sent."""

    value: bytes | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def _instance_id(settings: WorkerSettings) -> str:
    """The static membership id: a worker that comes back with it finds its partitions in place."""
    return settings.instance or f"{socket.gethostname()}-{settings.slot}"


def make_consumer(settings: WorkerSettings) -> AIOKafkaConsumer:
    """Not started. Offsets are committed by the worker alone, and a lost offset is an error, never a jump."""
    return AIOKafkaConsumer(
        **connecting(settings),
        group_id=settings.group,
        group_instance_id=_instance_id(settings),
        client_id=f"mldash-worker-{settings.slot}",
        enable_auto_commit=False,
        auto_offset_reset="none",
        session_timeout_ms=settings.session_timeout_ms,
        heartbeat_interval_ms=min(3_000, max(300, settings.session_timeout_ms // 4)),  # a rebalance is seen by it
        max_poll_interval_ms=_MAX_POLL_INTERVAL_MS,
        rebalance_timeout_ms=max(10_000, settings.session_timeout_ms),
        metadata_max_age_ms=round(settings.metadata_s * 1_000),
        fetch_max_wait_ms=settings.fetch_wait_ms,
        fetch_max_bytes=settings.fetch_bytes,
        max_partition_fetch_bytes=settings.partition_bytes,  # a larger record comes alone (KIP-74)
    )


class Outbox:
    """Statements and dead letters, each acknowledged by all replicas when `send` returns.

    The producer is not idempotent: that one can die for good and holds what it can't send for ever, and both kinds may
    come twice (a statement once true stays true, a letter says where it is from).
    """

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._producer = self._make()
        self._renewing = asyncio.Lock()

    async def start(self) -> None:
        await self._producer.start()

    async def send(self, topic: str, messages: Iterable[Message]) -> None:
        """Raises KafkaError, or TimeoutError where no answer comes: some may have arrived."""
        async with asyncio.timeout(_SEND_TIMEOUT_S):
            async with self._renewing:
                if (ended := why_producer_ended(self._producer)) is not None:
                    await self._renew(ended)
            sent = [await self._producer.send(topic, one.value, key=one.key, headers=one.headers) for one in messages]
            await asyncio.gather(*sent)

    async def stop(self) -> None:
        await stop_quietly(self._producer)

    async def _renew(self, ended: str) -> None:
        _log.error("the producer has ended: it is made anew", why=ended)
        new = self._make()
        try:
            await new.start()
        except BaseException:
            await stop_quietly(new)
            raise
        old, self._producer = self._producer, new
        await stop_quietly(old)

    def _make(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **connecting(self._settings),
            client_id=f"mldash-worker-{self._settings.slot}",
            acks="all",
            max_request_size=RECORD_BYTES + 65_536,
            linger_ms=0,
        )


def make_producer(server: KafkaServer, client_id: str) -> AIOKafkaProducer:
    """Not started."""
    return AIOKafkaProducer(
        **connecting(server),
        client_id=client_id,
        enable_idempotence=True,
        acks="all",
        max_request_size=RECORD_BYTES + 65_536,
        linger_ms=0,
    )


def last_record_checksum(record: KafkaRecord) -> str:
    """Commit metadata: of the last record handled (key, session, first seq). A topic that was made anew shows by it."""
    digest = hashlib.blake2b(record.key or b"", digest_size=8)
    with contextlib.suppress(UndecodableRecord, msgspec.MsgspecError):
        decoded = decode_head(record.value, record.headers)
        digest.update(decoded.session)
        digest.update(decoded.first_seq.to_bytes(8, "little"))
    return digest.hexdigest()
