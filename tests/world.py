"""A world a test: a topic prefix, a database and a bucket that no other test has, on the session's real servers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from msgspec import Struct

from mldash.connections.kafka_security import connecting
from mldash.connections.servers import EventServers, Servers, StoreServers
from mldash.events.identity import KINDS
from mldash.events.topics import dead_letter_topic, event_topics, stored_topic
from mldash_api.settings import ApiSettings
from mldash_compactor.chunks.s3 import open_store
from mldash_compactor.settings import CompactorSettings
from mldash_deploy.prepare import prepare
from mldash_ingest.documents.collections import ensure_indexes
from mldash_ingest.documents.mongo import open_mongo
from mldash_ingest.settings import WorkerSettings

from .stack import StackAddresses

PARTITIONS = dict.fromkeys(KINDS, 2)


def servers_of(addresses: StackAddresses, name: str, **security: Any) -> Servers:
    """Of a world, for who opens no client of its own."""
    return Servers(
        kafka=addresses.kafka,
        mongo=addresses.mongo,
        topic_prefix=name,
        mongo_database=name,
        s3_endpoint=addresses.s3_endpoint,
        s3_bucket=name,
        s3_access_key=addresses.s3_access_key,
        s3_secret_key=addresses.s3_secret_key,
        **security,
    )


class World:
    """Names on the servers, and settings of components that work on them."""

    def __init__(self, addresses: StackAddresses, name: str | None = None, **security: Any) -> None:
        """`name`: that of a world which is there already; `security`: more fields of Servers."""
        self.name = name or f"t{uuid.uuid4().hex[:12]}"
        self.servers = servers_of(addresses, self.name, **security)
        self.mongo = open_mongo(self.servers)
        self.objects = open_store(self.servers)

    def worker(self, slot: int = 0, **settings: object) -> WorkerSettings:
        own = {"group": self.name, "instance": f"{self.name}-{slot}", "slot": slot, "session_timeout_ms": 6_000}
        return WorkerSettings(**{**self._shared(EventServers), **own, **settings})

    def compactor(self, **settings: object) -> CompactorSettings:
        return CompactorSettings(**{**self._shared(StoreServers), "poll_s": 0.1, **settings})

    def api(self, **settings: object) -> ApiSettings:
        return ApiSettings(**{**self._shared(Servers), "port": 0, **settings})

    def _shared(self, struct: type[Struct]) -> dict[str, Any]:
        """What a component's settings have of these servers."""
        return {name: getattr(self.servers, name) for name in struct.__struct_fields__}


@asynccontextmanager
async def opened(made: World) -> AsyncIterator[World]:
    """Its clients are closed and its database is dropped afterwards."""
    try:
        async with made.objects:
            yield made
        await made.mongo.database.client.drop_database(made.name)
    finally:
        await made.mongo.close()
        await asyncio.sleep(0)  # motor's pool lets its last call go


@asynccontextmanager
async def stores_alone(addresses: StackAddresses) -> AsyncIterator[World]:
    """A new one without topics, which cost as much as all the rest: for what knows nothing of Kafka."""
    async with opened(World(addresses)) as made:
        await ensure_indexes(made.mongo)
        await made.objects.ensure_bucket()
        yield made


@asynccontextmanager
async def prepared(addresses: StackAddresses, name: str | None = None, **security: Any) -> AsyncIterator[World]:
    """A new one: topics with two partitions each, indexes, a bucket. The topics go with it: each client that connects
    is told of all that there are, and a run makes thousands."""
    async with opened(World(addresses, name, **security)) as made:
        await prepare(made.servers, PARTITIONS)
        yield made
        admin = AIOKafkaAdminClient(**connecting(made.servers))
        await admin.start()
        try:
            await admin.delete_topics([*event_topics(made.name), dead_letter_topic(made.name), stored_topic(made.name)])
        finally:
            await admin.close()


@pytest.fixture
async def world(stack: StackAddresses) -> AsyncIterator[World]:
    async with prepared(stack) as made:
        yield made


@pytest.fixture
async def whole_world(stack: StackAddresses) -> AsyncIterator[World]:
    """`world` where a folder's own has no topics."""
    async with prepared(stack) as made:
        yield made
