"""MongoDB away, slow, or no primary any more: the partition waits, health says so, nothing is lost or twice."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from pymongo.errors import AutoReconnect

from mldash_deploy.stack.local_servers import LocalServers
from mldash_ingest.documents import mongo
from mldash_ingest.settings import WorkerSettings
from mldash_ingest.store import snapshots
from mldash_ingest.worker import Worker
from tests.gate import gate_before
from tests.stack import StackAddresses
from tests.world import World, prepared

from .emitting import Emitter, emitting, eventually, points, stored, until_stored, working

ONE = b"1" * 16

pytestmark = pytest.mark.integration


async def test_a_partition_waits_while_mongodb_is_away_and_all_is_stored_when_it_is_back(world: World) -> None:
    with gate_before(world.servers.mongo) as (gate, address):
        async with emitting(world) as emitter, working(_through(world, address)) as worker:
            await _send(emitter, 0, 10)
            await until_stored(world, 10)
            gate.shut()
            await _send(emitter, 10, 20)
            await eventually(lambda: _says(worker, "Connection"))
            assert len(await stored(world)) == 10
            gate.open()
            await until_stored(world, 20)
            await eventually(lambda: _is_ready(worker))
    assert await stored(world) == [(ONE, seq) for seq in range(20)]


async def test_a_mongodb_that_does_not_answer_is_waited_for_like_one_that_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one whose disk stands still: connections stay, and no answer comes."""
    monkeypatch.setattr(mongo, "_SOCKET_TIMEOUT_MS", 500)
    with gate_before(world.servers.mongo) as (gate, address):
        async with emitting(world) as emitter, working(_through(world, address)) as worker:
            await _send(emitter, 0, 10)
            await until_stored(world, 10)
            gate.hold()
            await _send(emitter, 10, 20)
            await eventually(lambda: _says(worker, "timed out"))
            gate.let_go()
            await until_stored(world, 20)
            await eventually(lambda: _is_ready(worker))
    assert await stored(world) == [(ONE, seq) for seq in range(20)]


async def test_what_a_worker_holds_does_not_grow_with_what_waits_for_it(world: World) -> None:
    """It pauses its partitions: what is fetched is decoded and stored before more is asked for."""
    with gate_before(world.servers.mongo) as (gate, address):
        settings = msgspec.structs.replace(
            _through(world, address), batch_bytes=16_384, partition_bytes=1 << 18, fetch_bytes=1 << 18
        )
        async with emitting(world) as emitter:
            for seq in range(300):
                await emitter.send(ONE, seq, points(ONE, seq, 1, text=os.urandom(5_000).hex()))
        async with working(settings) as worker:
            await until_stored(world, 1)
            gate.hold()
            await eventually(lambda: _is_paused(worker))
            assert await _fetched(worker) < 200, "of 300 records of 10 kB"
            gate.let_go()
            await until_stored(world, 300)
            await eventually(lambda: _is_ready(worker))
    assert await stored(world) == [(ONE, seq) for seq in range(300)]


@pytest.fixture
async def own_mongo(stack: StackAddresses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """A world on a MongoDB that no other test writes to: an election fails the writes of all."""
    monkeypatch.setenv("MLDASH_KAFKA", stack.kafka)
    with LocalServers(tmp_path / "stack") as servers:
        async with prepared(msgspec.structs.replace(stack, mongo=servers.mongo)) as made:
            yield made


async def test_a_primary_that_steps_down_under_writes_loses_nothing_and_doubles_nothing(own_mongo: World) -> None:
    async with emitting(own_mongo) as emitter, working(own_mongo.worker(retry_s=0.5)) as worker:
        for begin in range(0, 600, 200):
            sending = asyncio.create_task(_send(emitter, begin, begin + 200))
            await until_stored(own_mongo, begin + 20)
            await _step_down(own_mongo)
            await sending
            await until_stored(own_mongo, begin + 200)
        await eventually(lambda: _is_ready(worker))
    assert await stored(own_mongo) == [(ONE, seq) for seq in range(600)]


async def test_a_stream_that_fell_quiet_while_mongodb_was_away_gets_its_snapshot_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the worker knew of it is forgotten with the failed append of another stream, and no event of it comes after.
    Without a snapshot each of its readers would walk, for ever."""
    monkeypatch.setattr(snapshots, "_QUIET_S", 3_600.0)
    with gate_before(world.servers.mongo) as (gate, address):
        async with emitting(world) as emitter, working(_through(world, address)) as worker:
            await emitter.send(ONE, 0, points(ONE, 0, 10))
            await eventually(lambda: _is_covered(world, 10))
            await emitter.send(ONE, 10, points(ONE, 10, 10))
            await until_stored(world, 20)
            gate.shut()
            await emitter.send(ONE, 0, points(ONE, 0, 10), name="acc")
            await eventually(lambda: _says(worker, "Connection"))
            gate.open()
            await until_stored(world, 10, name="acc")
            assert not await _is_covered(world, 20)
            monkeypatch.setattr(snapshots, "_QUIET_S", 0.0)
            await eventually(lambda: _is_covered(world, 20))
    assert await stored(world) == [(ONE, seq) for seq in range(20)]


async def _is_covered(world: World, count: int) -> bool:
    """Whether the snapshot of `loss` goes so far."""
    document = await world.mongo.streams.find_one({"name": "loss"}, {"next": 1})
    return document is not None and document["next"] == count


async def _send(emitter: Emitter, first: int, end: int) -> None:
    """A record a point."""
    for seq in range(first, end):
        await emitter.send(ONE, seq, points(ONE, seq, 1))


def _through(world: World, address: str) -> WorkerSettings:
    there = f"mongodb://{address}/?directConnection=true"
    return msgspec.structs.replace(world.worker(retry_s=0.5), mongo=there)


async def _says(worker: Worker, text: str) -> bool:
    return text in (await worker.health() or "")


async def _is_ready(worker: Worker) -> bool:
    return await worker.health() is None


async def _is_paused(worker: Worker) -> bool:
    return worker._kafka.consumer.paused() == worker._kafka.consumer.assignment()


async def _fetched(worker: Worker) -> int:
    """Records that were taken from the consumer, of all partitions."""
    return sum([await worker._kafka.consumer.position(partition) for partition in worker._kafka.consumer.assignment()])


async def _step_down(world: World) -> None:
    """For a second; then, there being no other, it is elected again."""
    with contextlib.suppress(AutoReconnect):
        await world.mongo.database.client.admin.command({"replSetStepDown": 1, "force": True})
