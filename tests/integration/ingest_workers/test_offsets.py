"""`mldash offsets`: what halts a partition is shown, and mended so that nothing is skipped that is there."""

import asyncio
import json
import os
import sys

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from mldash.events.identity import experiment_id, stream_key
from mldash.events.topics import event_topic, partition_of
from mldash.process.environment import to_variables
from mldash_ingest.errors import GroupAtWork
from mldash_ingest.offsets import OUT_OF_RANGE, Position, positions, reset
from mldash_ingest.worker import Worker
from tests.world import PARTITIONS, World

from .emitting import PREFIX, emitting, eventually, points, stored, until_stored, working

SESSION = b"1" * 16
KEY = stream_key(experiment_id(PREFIX), "metrics", "loss")

pytestmark = pytest.mark.integration


async def mldash(world: World, *words: str) -> tuple[int, str]:
    """Exit code, and what it prints."""
    environment = {**os.environ, **to_variables(world.worker(), "worker")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "mldash", "offsets", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


async def own_position(world: World) -> Position:
    """Of the stream's partition."""
    own = TopicPartition(event_topic(world.name, "metrics"), partition_of(KEY, PARTITIONS["metrics"]))
    (found,) = [one for one in await positions(world.worker()) if (one.topic, one.partition) == own]
    return found


async def test_an_offset_out_of_range_is_shown_and_set_back_and_the_partition_goes_on(world: World) -> None:
    """Two records are stored, two more are removed before they are, two wait."""
    async with emitting(world) as emitter:
        async with working(world.worker()):
            for seq in range(2):
                await emitter.send(SESSION, seq, points(SESSION, seq, 1))
            await until_stored(world, 2)
        for seq in range(2, 6):
            await emitter.send(SESSION, seq, points(SESSION, seq, 1))
        before = await own_position(world)
        assert (before.begin, before.end, before.committed, before.fault, before.waiting) == (0, 6, 2, "", 4)
        await _remove_before(world, before, 4)
        lost = await own_position(world)
        assert (lost.begin, lost.committed, lost.fault, lost.removed, lost.waiting) == (4, 2, OUT_OF_RANGE, 2, 2)

        code, said = await mldash(world, "list")
        (line,) = [line for line in said.splitlines() if line.startswith(f"{lost.name} ")]
        assert code == 3 and "HALTS: out of range" in line and "2 REMOVED BEFORE THEY WERE STORED" in line
        code, said = await mldash(world, "reset", "--dry-run", "--json")
        (told,) = json.loads(said)
        assert code == 0 and (told["partition"], told["begin"], told["removed"]) == (lost.partition, 4, 2)
        assert await own_position(world) == lost

        await eventually(lambda: _is_set_back(world, lost))
        mended = await own_position(world)
        assert (mended.committed, mended.fault) == (4, "")
        async with working(world.worker()):
            await until_stored(world, 4)
    assert await stored(world) == [(SESSION, seq) for seq in (0, 1, 4, 5)]
    code, said = await mldash(world, "reset", "--yes")
    assert (code, said) == (0, "no partition halts\n")


async def test_a_partition_that_is_well_can_be_read_again_and_nothing_comes_twice(world: World) -> None:
    async with emitting(world) as emitter:
        async with working(world.worker()) as worker:
            for seq in range(3):
                await emitter.send(SESSION, seq, points(SESSION, seq, 1))
            await until_stored(world, 3)
            await eventually(lambda: _is_at_work(worker))
            with pytest.raises(GroupAtWork, match="stop all of them"):
                await reset(world.worker(), [await own_position(world)])
        await eventually(lambda: _all_are_committed(world, 3))
        own = await own_position(world)
        await eventually(lambda: _command_sets_back(world, own.name))
        assert (await own_position(world)).committed == 0
        await emitter.send(SESSION, 3, points(SESSION, 3, 1))
        async with working(world.worker()):
            await until_stored(world, 4)
    assert await stored(world) == [(SESSION, seq) for seq in range(4)]


async def test_a_partition_that_is_not_there_is_refused_by_name(world: World) -> None:
    code, said = await mldash(world, "reset", "--dry-run", "elsewhere/0")
    assert (code, "there is no partition 'elsewhere/0'" in said) == (2, True), said


async def _is_at_work(worker: Worker) -> bool:
    return await worker.health() is None


async def _all_are_committed(world: World, offset: int) -> bool:
    return (await own_position(world)).committed == offset


async def _is_set_back(world: World, position: Position) -> bool:
    """Not before the static membership of the worker that has ended has timed out."""
    try:
        await reset(world.worker(), [position])
    except GroupAtWork:
        return False
    return True


async def _command_sets_back(world: World, name: str) -> bool:
    code, said = await mldash(world, "reset", "--yes", name)
    assert code == 0 or "stop all of them" in said, said
    return code == 0


async def _remove_before(world: World, position: Position, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers.kafka)
    await admin.start()
    try:
        await admin.delete_records(
            {TopicPartition(position.topic, position.partition): RecordsToDelete(before_offset=offset)}
        )
    finally:
        await admin.close()
