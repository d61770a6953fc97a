"""A backlog moves in runs of chunks: one intent, one walk, one commit for all; whatever happens on the way, every chunk
ends as if it had moved by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from time import time
from typing import Any

import pytest

from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.errors import StoreUnreachable
from mldash_compactor.errors import HoleInChain, NeighboursTooLarge, RangeMoved
from mldash_compactor.moving import move, neighbours
from mldash_compactor.moving.candidates import Range, hot_bytes
from mldash_compactor.moving.move import move_chunk
from mldash_compactor.moving.neighbours import (
    NEIGHBOURS_BYTES,
    STEPS,
    Neighbours,
    commit,
    count_together,
    declare_intents,
    move_neighbours,
)
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import AutoReconnect
from tests.world import World

from .chains import Chain, compacting, eventually

pytestmark = pytest.mark.integration

THREE = (10_000, 20_000, 30_000)
Step = Callable[[Neighbours], Awaitable[None]]


def _up_to(step: Step) -> tuple[Step, ...]:
    return STEPS[: STEPS.index(step) + 1]


def _after(step: Step) -> tuple[Step, ...]:
    return STEPS[STEPS.index(step) + 1 :]


async def _chain(world: World, name: str = "loss", kind: str = "metrics", events: int = 30_500) -> Chain:
    chain = await Chain(world, kind, name).make()
    chain.begin = time() - 60  # the rest is young: it stays
    await chain.grow(events, bucket_events=2_500, due_in_s=0.0)
    return chain


async def _settled(chain: Chain, cold: int) -> bool:
    document = await chain.document()
    return int(document["cold"]) >= cold and document.get("due_at", time() + 1) > time()


@pytest.mark.parametrize("kind", ["metrics", "tracks"])
async def test_a_backlog_moves_with_one_intent_for_many_chunks(
    world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await _chain(world, kind=kind)
    taken, real = list[int](), manifest.declare_first_intents

    async def counted(*arguments: Any, **named: Any) -> Any:
        intents = await real(*arguments, **named)
        taken.append(len(intents))
        return intents

    monkeypatch.setattr(manifest, "declare_first_intents", counted)
    async with compacting(world.compactor(keep_track_events=0, idle_s=600)):
        await eventually(lambda: _settled(chain, 30_000))
    assert taken == [3]
    assert await chain.read() == chain.expected()
    chunks = await manifest.live_chunks(world.mongo, chain.id, 0)
    found = [(chunk.k, chunk.epoch, chunk.until, chunk.live.end) for chunk in chunks if chunk.live]
    assert found == [(k, 1, None, (k + 1) * CHUNK) for k in range(3)]
    assert (await chain.hot_buckets(), len(await chain.object_keys())) == (1, 3)


async def test_another_compactor_finishes_what_one_left(world: World) -> None:
    """One stops after each step in turn, each time on another stream."""
    chains = {step: await _chain(world, step.__name__) for step in STEPS}
    for last, chain in chains.items():
        await move_neighbours(await chain.neighbours(*THREE, lease_s=-1.0), _up_to(last))
        assert await chain.read() == chain.expected(), last.__name__
    async with compacting(world.compactor(idle_s=600)):
        for chain in chains.values():
            await eventually(lambda chain=chain: _settled(chain, 30_000))
    await sweep(world.mongo, world.objects, 0.0)
    for last, chain in chains.items():
        assert await chain.read() == chain.expected(), last.__name__
        left = await chain.cold(), await chain.hot_buckets(), len(await chain.object_keys())
        assert left == (30_000, 1, 3), last.__name__


async def test_one_that_died_within_its_commit_is_finished_too(world: World) -> None:
    """The documents of neighbours are written one behind the other: some name their object already."""
    chain = await _chain(world)
    left = await chain.neighbours(*THREE, lease_s=-1.0)
    await move_neighbours(left, _up_to(STEPS[STEPS.index(commit) - 1]))
    await commit(Neighbours(left.moves[:2]))
    async with compacting(world.compactor(idle_s=600)):
        await eventually(lambda: _settled(chain, 30_000))
    epochs = [chunk.epoch for chunk in await manifest.live_chunks(world.mongo, chain.id, 0)]
    assert epochs == [2, 2, 2]
    await sweep(world.mongo, world.objects, 0.0)
    assert (await chain.read(), len(await chain.object_keys())) == (chain.expected(), 3)


async def test_one_that_slept_past_its_lease_moves_nothing_of_what_it_lost(world: World) -> None:
    """Another moved the first chunk, or a later one's epoch, meanwhile; the sleeper wakes and goes on."""
    for last in STEPS[: STEPS.index(commit)]:
        chain = await _chain(world, last.__name__)
        sleeper = await chain.neighbours(*THREE, lease_s=-1.0)
        await move_neighbours(sleeper, _up_to(last))
        taken = await manifest.declare_intent(world.mongo, chain.id, 1, owner="other", lease_s=60, want=20_000)
        assert taken is not None
        with pytest.raises(RangeMoved):
            await move_neighbours(sleeper, _after(last))
        assert await chain.cold() == 0, last.__name__
        assert await chain.read() == chain.expected(), last.__name__
        await manifest.release(world.mongo, taken)
    async with compacting(world.compactor(idle_s=600)):
        for last in STEPS[: STEPS.index(commit)]:
            await eventually(lambda last=last: _cold_by_name(world, last.__name__))


async def _cold_by_name(world: World, name: str) -> bool:
    document = await world.mongo.streams.find_one({"name": name})
    return document is not None and document["cold"] == 30_000


async def test_a_run_ends_before_a_chunk_that_somebody_had(world: World) -> None:
    chain = await _chain(world)
    await declare_intents(await chain.neighbours(20_000, lease_s=-1.0))
    shorter = await chain.neighbours(*THREE)
    assert await move_neighbours(shorter) == 1
    assert await chain.cold() == 10_000
    assert await move_neighbours(await chain.neighbours(20_000, 30_000)) == 0
    assert await chain.read() == chain.expected()
    async with compacting(world.compactor(idle_s=600)):
        await eventually(lambda: _settled(chain, 30_000))
    assert await chain.read() == chain.expected()


async def test_where_one_object_cannot_be_put_every_chunk_is_free_for_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await _chain(world)
    put = neighbours.put_object

    async def refused(one: move.Move) -> None:
        if one.k == 1:
            raise StoreUnreachable("here", "put", "made by a test")
        await put(one)

    monkeypatch.setattr(neighbours, "put_object", refused)
    with pytest.raises(StoreUnreachable):
        await move_neighbours(await chain.neighbours(*THREE))
    monkeypatch.undo()
    assert await chain.cold() == 0
    for k in range(3):
        chunk = await manifest.read(world.mongo, chain.id, k)
        assert chunk is not None
        assert (chunk.until, chunk.live) == (None, None)
    async with compacting(world.compactor(idle_s=600)):
        await eventually(lambda: _settled(chain, 30_000))
    assert await chain.read() == chain.expected()


async def test_a_commit_whose_answer_was_lost_is_sent_again_and_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await _chain(world)
    real, calls = manifest.commit_all, list[bool]()

    async def unanswered(*arguments: Any) -> bool:
        calls.append(await real(*arguments))
        if len(calls) == 1:
            raise AutoReconnect("connection closed")
        return calls[-1]

    monkeypatch.setattr(manifest, "commit_all", unanswered)
    assert await move_neighbours(await chain.neighbours(*THREE)) == 3
    assert calls == [True, True]
    assert (await chain.cold(), await chain.read()) == (30_000, chain.expected())


async def test_a_hole_in_any_chunk_stops_the_run_and_then_that_chunk_alone(world: World) -> None:
    chain = await _chain(world)
    lost = await world.mongo.buckets.find_one_and_delete({"_id": chain.id + (12_500).to_bytes(8, "big")})
    assert lost is not None
    with pytest.raises(HoleInChain) as stopped:
        await move_neighbours(await chain.neighbours(*THREE))
    assert (stopped.value.found_end, stopped.value.wanted_end) == (12_500, 30_000)
    await move_chunk(await chain.move(Range(0, 10_000)))
    with pytest.raises(HoleInChain):
        await move_chunk(await chain.move(Range(1, 20_000)))
    assert await chain.cold() == 10_000
    await world.mongo.buckets.insert_one(lost)
    assert await chain.read() == chain.expected()


async def test_a_run_that_holds_more_than_was_thought_is_given_up_and_its_chunks_go_singly(world: World) -> None:
    """Only its first chunk was measured, and the others are larger."""
    chain = await _chain(world)
    [first_bytes] = await hot_bytes(world.mongo, chain.id, 0, [10_000])
    with pytest.raises(NeighboursTooLarge):
        await move_neighbours(await chain.neighbours(*THREE, most_bytes=first_bytes))
    for k in range(3):
        chunk = await manifest.read(world.mongo, chain.id, k)
        assert chunk is not None
        assert (chunk.until, chunk.live) == (None, None)
    async with compacting(world.compactor(idle_s=600)):
        await eventually(lambda: _settled(chain, 30_000))
    assert await chain.read() == chain.expected()


async def test_no_more_neighbours_go_together_than_memory_is_meant_for(world: World) -> None:
    chain = await _chain(world)
    moves = (await chain.neighbours(*THREE)).moves
    assert count_together(moves, 1_000) == 3
    assert count_together(moves, NEIGHBOURS_BYTES // 5) == 2
    assert count_together(moves, NEIGHBOURS_BYTES) == 1
    assert count_together((await chain.neighbours(10_000, 20_000, 30_500)).moves, 1_000) == 2


async def test_runs_of_one_stream_at_once_end_with_one_object_a_chunk(world: World) -> None:
    chain = await _chain(world)
    several = [await chain.neighbours(*THREE, owner=f"c{number}", lease_s=-1.0) for number in range(3)]
    ends = await asyncio.gather(*(move_neighbours(one) for one in several), return_exceptions=True)
    assert all(isinstance(end, int | RangeMoved | HoleInChain) for end in ends), ends
    async with compacting(world.compactor(idle_s=600)):
        await eventually(lambda: _settled(chain, 30_000))
    await sweep(world.mongo, world.objects, 0.0)
    assert (await chain.read(), len(await chain.object_keys())) == (chain.expected(), 3)
