"""Topics, indexes and bucket, made where they are missing; what is there stays as it is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

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

_log = structlog.get_logger()


async def prepare(servers: Servers, partitions: Mapping[str, int] = DEFAULT_PARTITIONS, replication: int = 1) -> None:
    """Everything that the components expect to find. Raises what the servers' clients raise."""
    await asyncio.gather(_topics(servers, partitions, replication), _indexes(servers), _bucket(servers))
    _log.info("prepared", topic_prefix=servers.topic_prefix, database=servers.mongo_database, bucket=servers.s3_bucket)


async def _topics(servers: Servers, partitions: Mapping[str, int], replication: int) -> None:
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
        missing = [topic for topic in wanted if topic.name not in there]
        if missing:
            answer: Any = await admin.create_topics(missing)
            for name, code, *_ in answer.topic_errors:
                if code and for_code(code) is not TopicAlreadyExistsError:
                    raise for_code(code)(f"topic {name} could not be made")
    finally:
        await admin.close()


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
