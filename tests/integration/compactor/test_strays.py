"""What a kill left without a due time is found, and what nobody reads is deleted."""

import asyncio
from time import time

import pytest

from benchmarks.cold_stream import load, name_stream
from mldash_compactor.upkeep.lost_levels import restore_levels
from mldash_compactor.upkeep.strays import find_strays
from tests.world import World

from .chains import Chain, compacting, eventually

pytestmark = pytest.mark.integration


async def test_a_stream_that_lost_its_due_time_becomes_cold_all_the_same(world: World) -> None:
    """Its worker died after the commit of the offset and before its snapshot."""
    lost, idle, track = [await Chain(world, kind, name).make() for kind, name in _STREAMS]
    await lost.grow(10_001, snapshot=False)
    await idle.grow(100, snapshot=False)
    await track.grow(100, snapshot=False)
    assert await find_strays(world.mongo, asyncio.Event(), keep_events=1_000, idle_s=600) == 2
    assert await find_strays(world.mongo, asyncio.Event(), keep_events=1_000, idle_s=600) == 0
    assert (await lost.document())["due_at"] <= time()
    assert (await idle.document())["due_at"] > time() + 500
    assert "due_at" not in await track.document()
    async with compacting(world.compactor(idle_s=600)):

        async def cold() -> bool:
            return await lost.cold() == 10_000

        await eventually(cold)
    assert await lost.read() == lost.expected()


async def test_buckets_below_the_cold_end_and_of_deleted_experiments_are_deleted(world: World) -> None:
    garbage, closed, purged = [await Chain(world, name=name).make() for name in "abc"]
    for chain in (garbage, closed, purged):
        await chain.grow(2_000)
    await world.mongo.streams.update_one({"_id": garbage.id}, {"$set": {"cold": 1_400}})
    await world.mongo.streams.update_one({"_id": closed.id}, {"$set": {"next": 2**62, "cold": 2**62}})
    await world.mongo.streams.delete_one({"_id": purged.id})
    await find_strays(world.mongo, asyncio.Event(), keep_events=0, idle_s=600)
    assert [await chain.hot_buckets() for chain in (garbage, closed, purged)] == [1, 0, 0]


async def test_summaries_of_a_long_stream_that_are_gone_are_made_anew(world: World) -> None:
    """As a version before left them that deleted other streams' with an experiment."""
    stream = name_stream("owner/project/long", "train")
    await load(world.mongo, world.objects, stream, 1_030_000)
    before = [one async for one in world.mongo.levels.find({}).sort("_id", 1)]
    assert before, "a million points have a block"
    assert await restore_levels(world.mongo, asyncio.Event()) == 0
    await world.mongo.levels.delete_many({})
    async with compacting(world.compactor(sweep_s=0.2)):

        async def restored() -> bool:
            return await world.mongo.levels.count_documents({}) == len(before)

        await eventually(restored)
    assert [one async for one in world.mongo.levels.find({}).sort("_id", 1)] == before


_STREAMS = [("metrics", "lost"), ("metrics", "idle"), ("tracks", "kept")]
