"""Topics, indexes and bucket, made where they are missing; existing ones stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any, Final

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError, for_code

from mldash.connections.servers import Servers
from mldash.events.limits import RECORD_BYTES
from mldash.events.topics import DEFAULT_PARTITIONS, dead_letter_topic, event_topic, stored_topic
from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.collections import ensure_indexes
from mldash_ingest.documents.mongo import Mongo

_DAY_MS = 86_400_000
_EVENTS = {"retention.ms": str(7 * _DAY_MS), "max.message.bytes": str(RECORD_BYTES + 65_536)}
_RUNS = {**_EVENTS, "message.timestamp.type": "LogAppendTime"}
"""A process lives as long as its heartbeats come: by the broker's clock, not by that of its host."""
_LETTERS = {**_EVENTS, "retention.ms": str(30 * _DAY_MS)}
_STORED = {"cleanup.policy": "compact", "segment.ms": str(_DAY_MS // 24), "min.cleanable.dirty.ratio": "0.1"}

_PATIENCE_S: Final = 20.0
"""A broker whose heartbeats were late counts as none for some seconds: too few for the replicas, until it is back."""
_AGAIN_S: Final = 0.5

_log = structlog.get_logger()


async def prepare(
    servers: Servers,
    partitions: Mapping[str, int] = DEFAULT_PARTITIONS,
    replication: int = 1,
    *,
    patience_s: float = _PATIENCE_S,
) -> None:
    """Everything that the components expect to find. Raises what the servers' clients raise; where there are fewer
    brokers than `replication`, after `patience_s` seconds."""
    await asyncio.gather(_topics(servers, partitions, replication, patience_s), _indexes(servers), _bucket(servers))
    _log.info("prepared", topic_prefix=servers.topic_prefix, database=servers.mongo_database, bucket=servers.s3_bucket)


async def _topics(servers: Servers, partitions: Mapping[str, int], replication: int, patience_s: float) -> None:
    prefix = servers.topic_prefix
    wanted = [
        _topic(event_topic(prefix, kind), count, replication, _RUNS if kind == "runs" else _EVENTS)
        for kind, count in partitions.items()
    ]
    wanted.append(_topic(dead_letter_topic(prefix), 1, replication, _LETTERS))
    wanted.append(_topic(stored_topic(prefix), 1, replication, _STORED))
    admin = AIOKafkaAdminClient(bootstrap_servers=servers.kafka)
    await admin.start()
    try:
        there = set(await admin.list_topics())
        await make_topics(admin, [topic for topic in wanted if topic.name not in there], patience_s)
    finally:
        await admin.close()


async def make_topics(admin: AIOKafkaAdminClient, topics: list[NewTopic], patience_s: float = _PATIENCE_S) -> None:
    """Those that are there stay as they are, and when it returns the broker tells clients of all of them. Raises what
    Kafka answers; where brokers are missing, when they still are after `patience_s` seconds."""
    if not topics:
        return
    names, deadline = {topic.name for topic in topics}, monotonic() + patience_s
    while topics:
        answer: Any = await admin.create_topics(topics)
        refused = {name: for_code(code) for name, code, *_ in answer.topic_errors if code}
        topics = [topic for topic in topics if refused.get(topic.name) is InvalidReplicationFactorError]
        for name, kind in refused.items():
            waited_for = kind is InvalidReplicationFactorError and monotonic() < deadline
            if kind is not TopicAlreadyExistsError and not waited_for:
                raise kind(f"topic {name} could not be made: {kind.description}")
        if topics:
            await asyncio.sleep(_AGAIN_S)
    # The controller has made them; a busy broker hears of it a moment later, and until then says that there is none.
    while names - set(await admin.list_topics()) and monotonic() < deadline:  # noqa: ASYNC110 - another process
        await asyncio.sleep(_AGAIN_S / 5)


def _topic(name: str, partitions: int, replication: int, config: dict[str, str]) -> NewTopic:
    return NewTopic(name, num_partitions=partitions, replication_factor=replication, topic_configs=config)


async def _indexes(servers: Servers) -> None:
    mongo = Mongo(servers.mongo, servers.mongo_database)
    try:
        await ensure_indexes(mongo)
    finally:
        await mongo.close()


async def _bucket(servers: Servers) -> None:
    async with open_store(servers) as store:
        await store.ensure_bucket()
