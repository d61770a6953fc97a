"""An experiment written, stored and partly moved to S3: made once, and brought back as it was for each test."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from time import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import Struct

from mldash.events.identity import experiment_id, stream_id, stream_key
from mldash.events.schema import Claim, End, Rows, RunEvents, Signals, Start
from mldash.events.topics import event_topic, partition_of
from mldash_compactor.chunks.checksum import crc32c
from mldash_deploy.prepare import prepare
from mldash_ingest.documents.buckets import CHUNK
from tests.integration.compactor.chains import compacting
from tests.integration.ingest_workers.emitting import PREFIX, Emitter, emitting, eventually, points, working
from tests.stack import StackAddresses
from tests.world import PARTITIONS, World

ONE, TWO = b"1" * 16, b"2" * 16
EXPERIMENT = experiment_id(PREFIX)
LOSS = stream_id(EXPERIMENT, 0, "metrics", "loss")
POSITION = stream_id(EXPERIMENT, 0, "tracks", "position")
HOT = 3_000
"""Of the metric's first session, behind its first chunk."""


def partition_of_stream(world: World, kind: str, name: str | None) -> TopicPartition:
    key = stream_key(EXPERIMENT, kind, name)
    return TopicPartition(event_topic(world.name, kind), partition_of(key, PARTITIONS[kind]))


async def last_offset(world: World, kind: str, name: str | None) -> int:
    async with AIOKafkaConsumer(bootstrap_servers=world.servers.kafka) as consumer:
        partition = partition_of_stream(world, kind, name)
        ends: dict[TopicPartition, int] = await consumer.end_offsets([partition])
        return ends[partition] - 1


async def claim(world: World, emitter: Emitter, session: bytes, said: dict[tuple[str, str | None], int]) -> None:
    """What a publisher says at its end."""
    claims: list[Any] = []
    for (kind, name), seq in said.items():
        partition = partition_of_stream(world, kind, name).partition
        claims.append(Claim(time(), kind, name, seq, partition, await last_offset(world, kind, name), True))  # type: ignore[arg-type]
    await emitter.send(session, 2, Signals(claims), kind="runs")


async def write(world: World, emitter: Emitter) -> None:
    """Two sessions: a metric with a full chunk and more, a track, params, lines, runs; all claimed."""
    for first in range(0, CHUNK + HOT, 1_000):
        await emitter.send(ONE, first, points(ONE, first, 1_000, loss=0.5, nan=float("nan")))
        if first >= CHUNK:
            await eventually(lambda: committed_to_the_end(world))  # so that it is a bucket by itself
    await emitter.send(TWO, 0, points(TWO, 0, 300))
    for first in range(0, 400, 100):
        rows = Rows(["x"], [float(seq % 250) for seq in range(first, first + 100)], [[seq] for seq in range(100)])
        await emitter.send(ONE, first, rows, kind="tracks", name="position")
    await emitter.send(ONE, 0, Rows(["lr"], [1.0], [[0.1]]), kind="params")
    await emitter.send(ONE, 0, Rows(["level", "message"], [1.0], [["info", "hello"]]), kind="logs")
    for session in (ONE, TWO):
        await emitter.send(session, 0, RunEvents([Start(1.0, host="h"), End(2.0, "COMPLETED")]), kind="runs")
    of_one = {("metrics", "loss"): CHUNK + HOT, ("tracks", "position"): 400, ("params", ""): 1, ("logs", ""): 1}
    await claim(world, emitter, ONE, {**of_one, ("runs", ""): 2})
    await claim(world, emitter, TWO, {("metrics", "loss"): 300, ("runs", ""): 2})


async def committed_to_the_end(world: World) -> bool:
    """Whether the workers have nothing left to read."""
    async with AIOKafkaConsumer(
        bootstrap_servers=world.servers.kafka, group_id=world.name, enable_auto_commit=False
    ) as consumer:
        partitions = [
            TopicPartition(event_topic(world.name, k), n) for k, count in PARTITIONS.items() for n in range(count)
        ]
        ends = await consumer.end_offsets(partitions)
        return all([(await consumer.committed(one) or 0) >= ends[one] for one in partitions])


async def moved(world: World) -> bool:
    document = await world.mongo.streams.find_one({"_id": LOSS})
    return document is not None and document["cold"] >= CHUNK


async def make(world: World) -> None:
    """Written, stored, and its first chunk on S3; nothing runs any more."""
    await prepare(world.servers, PARTITIONS)
    async with emitting(world) as emitter, working(world.worker()):
        await write(world, emitter)
        await eventually(lambda: committed_to_the_end(world))
        async with compacting(world.compactor()):
            await eventually(lambda: moved(world))


class Copy(Struct):
    """All that database and bucket hold."""

    name: str
    documents: dict[str, list[dict[str, Any]]] = {}
    objects: dict[str, bytes] = {}


async def _make_copy(addresses: StackAddresses) -> Copy:
    world = World(addresses)
    async with world.objects:
        await make(world)
        copy = Copy(world.name)
        for name in await world.mongo.database.list_collection_names():
            copy.documents[name] = [one async for one in world.mongo.database[name].find({})]
        async for one in world.objects.list():
            copy.objects[one.key] = await world.objects.get(one.key)
    await world.mongo.close()
    return copy


async def _bring_back(world: World, copy: Copy) -> None:
    for name, documents in copy.documents.items():
        await world.mongo.database[name].delete_many({})
        if documents:
            await world.mongo.database[name].insert_many(documents)
    await world.objects.delete([one.key async for one in world.objects.list()])
    for key, data in copy.objects.items():
        await world.objects.put(key, data, crc32c(data))


async def _drop(addresses: StackAddresses, name: str) -> None:
    world = World(addresses, name)
    await world.mongo.database.client.drop_database(name)
    await world.mongo.close()


@pytest.fixture(scope="module")
def made_once(stack: StackAddresses) -> Iterator[Copy]:
    copy = asyncio.run(_make_copy(stack))
    yield copy
    asyncio.run(_drop(stack, copy.name))


@pytest.fixture
async def experiment(stack: StackAddresses, made_once: Copy) -> AsyncIterator[World]:
    """As it was made, for a test that damages it; nothing may be written to its topics."""
    world = World(stack, made_once.name)
    async with world.objects:
        await _bring_back(world, made_once)
        yield world
    await world.mongo.close()
    await asyncio.sleep(0)  # motor's pool lets its last call go


@pytest.fixture
async def fresh(world: World) -> World:
    """One of its own, for a test that goes on writing."""
    await make(world)
    return world
