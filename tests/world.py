"""A world a test: a topic prefix, a database and a bucket that no other test has, on the session's real servers."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from mldash.connections.servers import Servers
from mldash.events.identity import KINDS
from mldash.events.topics import dead_letter_topic, event_topics, stored_topic
from mldash_api.settings import ApiSettings
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.settings import CompactorSettings
from mldash_deploy.prepare import prepare
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.settings import WorkerSettings

from .stack import StackAddresses

PARTITIONS = dict.fromkeys(KINDS, 2)


class World:
    """Names on the servers, and settings of components that work on them."""

    def __init__(self, addresses: StackAddresses, name: str | None = None) -> None:
        """`name`: that of a world which is there already."""
        self.name = name or f"t{uuid.uuid4().hex[:12]}"
        self.servers = Servers(
            kafka=addresses.kafka,
            mongo=addresses.mongo,
            topic_prefix=self.name,
            mongo_database=self.name,
            s3_endpoint=addresses.s3_endpoint,
            s3_bucket=self.name,
            s3_access_key=addresses.s3_access_key,
            s3_secret_key=addresses.s3_secret_key,
        )
        self.mongo = Mongo(self.servers.mongo, self.name)
        self.objects = ObjectStore(
            endpoint=self.servers.s3_endpoint,
            bucket=self.name,
            region=self.servers.s3_region,
            access_key=self.servers.s3_access_key,
            secret_key=self.servers.s3_secret_key,
        )

    def worker(self, slot: int = 0, **settings: object) -> WorkerSettings:
        own = {"group": self.name, "instance": f"{self.name}-{slot}", "slot": slot, "session_timeout_ms": 6_000}
        return WorkerSettings(  # type: ignore[arg-type]
            kafka=self.servers.kafka,
            mongo=self.servers.mongo,
            topic_prefix=self.name,
            mongo_database=self.name,
            **{**own, **settings},
        )

    def compactor(self, **settings: object) -> CompactorSettings:
        return CompactorSettings(**self._s3(), **{"poll_s": 0.1, **settings})  # type: ignore[arg-type]

    def api(self, **settings: object) -> ApiSettings:
        return ApiSettings(  # type: ignore[arg-type]
            kafka=self.servers.kafka, topic_prefix=self.name, **self._s3(), **{"port": 0, **settings}
        )

    def _s3(self) -> dict[str, object]:
        servers = self.servers
        return {
            "mongo": servers.mongo,
            "mongo_database": self.name,
            "s3_endpoint": servers.s3_endpoint,
            "s3_bucket": self.name,
            "s3_region": servers.s3_region,
            "s3_access_key": servers.s3_access_key,
            "s3_secret_key": servers.s3_secret_key,
        }


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
async def prepared(addresses: StackAddresses) -> AsyncIterator[World]:
    """A new one: topics with two partitions each, indexes, a bucket. The topics go with it: each client that connects
    is told of all that there are, and a run makes thousands."""
    async with opened(World(addresses)) as made:
        await prepare(made.servers, PARTITIONS)
        yield made
        admin = AIOKafkaAdminClient(bootstrap_servers=made.servers.kafka)
        await admin.start()
        try:
            await admin.delete_topics([*event_topics(made.name), dead_letter_topic(made.name), stored_topic(made.name)])
        finally:
            await admin.close()


@pytest.fixture
async def world(stack: StackAddresses) -> AsyncIterator[World]:
    async with prepared(stack) as made:
        yield made
