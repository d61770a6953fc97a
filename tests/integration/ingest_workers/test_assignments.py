"""What a worker does whose partitions come and go."""

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from mldash.events.stored import decode_stored
from mldash.events.topics import stored_topic
from mldash_ingest.fetch.batches import Batch, Batches
from mldash_ingest.statements import Statements
from mldash_ingest.worker import Worker
from tests.world import PARTITIONS, World

from .emitting import emitting, eventually, points, stored, until_stored, working

ONE = b"1" * 16

pytestmark = pytest.mark.integration


async def test_after_a_refused_commit_nothing_is_stored_or_announced_before_what_was_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the refusal is on its way, the next batch is appended and a third is fetched ahead. That one is dropped,
    and the consumer stands behind it."""
    refusals, before, announced = list[Batch](), list[Any](), list[int]()
    real, announce = Batches.commit, Statements.announce

    async def refuse_once(self: Batches, batch: Batch, skipped: Any) -> None:
        if refusals:
            await real(self, batch, skipped)
            return
        await emitter.send(ONE, 1, points(ONE, 1, 1))
        await until_stored(world, 2)
        await emitter.send(ONE, 2, points(ONE, 2, 1))
        await eventually(lambda: _is_ahead(self))
        refusals.append(batch)
        raise CommitFailedError("the group has rebalanced")

    async def note(self: Statements, offsets: Any) -> None:
        if refusals:
            announced.append(len(await stored(world)))
        else:
            before.append(offsets)
        await announce(self, offsets)

    monkeypatch.setattr(Batches, "commit", refuse_once)
    monkeypatch.setattr(Statements, "announce", note)
    async with emitting(world) as emitter:
        await emitter.send(ONE, 0, points(ONE, 0, 1))
        async with working(world.worker(0)) as worker:
            await eventually(lambda: _true(refusals))
            assert len(before) == 1, "a batch was announced before the one before it was committed"
            await emitter.send(ONE, 3, points(ONE, 3, 1))  # behind what was dropped
            await asyncio.sleep(1.0)  # what must not happen has no end that one could wait for
            assert await stored(world) == [(ONE, 0), (ONE, 1)], "stored under an assignment that has lapsed"
            assert worker._kafka.assignment.number == 1
            async with working(world.worker(1)):  # the group rebalances
                found = await until_stored(world, 4)
    assert found == [(ONE, seq) for seq in range(4)]
    assert announced, "nothing was announced after the refusal"
    assert await _last_statement(world) == 4


async def test_a_worker_that_comes_back_finds_its_partitions_and_the_others_notice_nothing(world: World) -> None:
    """Static membership: an upgrade of one worker after the other moves no partition."""
    async with emitting(world) as emitter, working(world.worker(0)) as other:
        async with working(world.worker(1)) as first:
            await eventually(lambda: _share(first, other))
            held, assignment = first._kafka.consumer.assignment(), other._kafka.assignment.number
        async with working(world.worker(1)) as again:
            await eventually(lambda: _share(again, other))
            assert again._kafka.consumer.assignment() == held
            for stream in range(10):
                await emitter.send(ONE, 0, points(ONE, 0, 5), name=f"m{stream}")
            for stream in range(10):
                await until_stored(world, 5, name=f"m{stream}")
        assert other._kafka.assignment.number == assignment


async def _share(*workers: Worker) -> bool:
    """Whether each has partitions, and each partition one of them."""
    held = [worker._kafka.consumer.assignment() for worker in workers if await worker.health() is None]
    return len(held) == len(workers) and all(held) and sum(map(len, held)) == sum(PARTITIONS.values())


async def _is_ahead(batches: Batches) -> bool:
    return batches._ahead is not None and batches._ahead.done()


async def _true(value: Any) -> bool:
    return bool(value)


async def _last_statement(world: World) -> int:
    """The highest offset that is said to be stored of any partition of metrics."""
    async with AIOKafkaConsumer(bootstrap_servers=world.servers.kafka, auto_offset_reset="earliest") as consumer:
        partition = TopicPartition(stored_topic(world.name), 0)
        consumer.assign([partition])
        [end] = (await consumer.end_offsets([partition])).values()
        offsets = [0]
        while await consumer.position(partition) < end:
            said = decode_stored((await consumer.getone(partition)).value)
            if said.topic.endswith("metrics"):
                offsets.append(said.offset)
    return max(offsets)
