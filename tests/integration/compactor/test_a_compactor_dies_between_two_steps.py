"""Whatever step a compactor dies after, reads stay right and another one finishes."""

import asyncio
from collections.abc import Awaitable, Callable
from time import time

import pytest

from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.errors import ChunkHeld, HoleInChain, RangeMoved
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import (
    STEPS,
    Move,
    advance_cold_end,
    commit,
    declare_intent,
    move_chunk,
    put_object,
    run_steps,
    verify_object,
)
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import to_document
from tests.world import World

from .chains import Chain, compacting, eventually

pytestmark = pytest.mark.integration


def _after(step: Callable[[Move], Awaitable[None]]) -> tuple[Callable[[Move], Awaitable[None]], ...]:
    return STEPS[STEPS.index(step) + 1 :]


def _up_to(step: Callable[[Move], Awaitable[None]]) -> tuple[Callable[[Move], Awaitable[None]], ...]:
    return STEPS[: STEPS.index(step) + 1]


@pytest.mark.parametrize("kind", ["metrics", "tracks"])
async def test_another_compactor_finishes_what_one_left(world: World, kind: str) -> None:
    """One stops after each step in turn, each time on another stream; its leases have passed when the other comes."""
    chains = {step: await Chain(world, kind, step.__name__).make() for step in STEPS}
    for last, chain in chains.items():
        chain.begin = time() - 60  # the rest is young: it stays
        await chain.grow(12_000, bucket_events=1_000, due_in_s=0.0)
        await run_steps(await chain.move(Range(0, 10_000), lease_s=-1.0), _up_to(last))
        assert await chain.read() == chain.expected(), last.__name__
    async with compacting(world.compactor(keep_track_events=0, idle_s=600)):
        for chain in chains.values():
            await eventually(lambda chain=chain: _settled(chain, 10_000))
    await sweep(world.mongo, world.objects, 0.0)
    for last, chain in chains.items():
        assert await chain.read() == chain.expected(), last.__name__
        left = await chain.cold(), await chain.hot_buckets(), len(await chain.object_keys())
        assert left == (10_000, 2, 1), last.__name__


async def test_a_longer_last_chunk_is_finished_by_another_too(world: World) -> None:
    """The same where an object is live already, and is replaced."""
    chains = {step: await Chain(world, name=step.__name__).make() for step in STEPS}
    for last, chain in chains.items():
        await chain.grow(1_000)
        await move_chunk(await chain.move(Range(0, 1_000)))
        await chain.grow(1_500)
        await run_steps(await chain.move(Range(0, 2_500), lease_s=-1.0), _up_to(last))
        assert await chain.read() == chain.expected(), last.__name__
    async with compacting(world.compactor()):
        for chain in chains.values():
            await eventually(lambda chain=chain: _settled(chain, 2_500))
    await sweep(world.mongo, world.objects, 0.0)
    for last, chain in chains.items():
        assert await chain.read() == chain.expected(), last.__name__
        assert len(await chain.object_keys()) == 1, last.__name__


async def test_a_compactor_that_slept_past_its_lease_can_commit_nothing(world: World) -> None:
    """Another moves the chunk meanwhile; the sleeper wakes and goes on with its next step."""
    for last in STEPS[: STEPS.index(commit)]:
        chain = await Chain(world, name=last.__name__).make()
        await chain.grow(10_500, bucket_events=1_000, due_in_s=600)
        sleeper = await chain.move(Range(0, 10_000), lease_s=-1.0)
        await run_steps(sleeper, _up_to(last))
        await move_chunk(await chain.move(Range(0, 10_000), owner="other"))
        with pytest.raises((RangeMoved, HoleInChain)):
            await run_steps(sleeper, _after(last))
        assert await chain.read() == chain.expected(), last.__name__
        await sweep(world.mongo, world.objects, 0.0)
        chunk = await manifest.read(world.mongo, chain.id, 0)
        assert chunk is not None
        assert chunk.live is not None
        assert (chunk.epoch, await chain.object_keys()) == (2, [chunk.live.key]), last.__name__
        assert await chain.read() == chain.expected(), last.__name__


async def test_a_compactor_asleep_after_its_commit_harms_nothing_when_it_wakes(world: World) -> None:
    """Another finished the chunk, replaced it by a longer one, and moved the cold end on."""
    for last in STEPS[STEPS.index(commit) :]:
        chain = await Chain(world, name=last.__name__).make()
        await chain.grow(1_000, due_in_s=600)
        sleeper = await chain.move(Range(0, 1_000), lease_s=-1.0)
        await run_steps(sleeper, _up_to(last))
        await chain.grow(1_000, due_in_s=600)
        if await chain.cold() == 0:
            await move_chunk(await chain.move(Range(0, 2_000), owner="finishes"))
        await move_chunk(await chain.move(Range(0, 2_000), owner="goes on"))
        await chain.grow(500, due_in_s=600)
        await run_steps(sleeper, _after(last))
        assert (await chain.cold(), await chain.hot_buckets()) == (2_000, 1), last.__name__
        assert await chain.read() == chain.expected(), last.__name__


async def test_a_compactor_asleep_before_its_intent_judges_by_what_the_intent_returns(world: World) -> None:
    """It read the stream's document long ago; meanwhile the short chunk was committed, and its rows left MongoDB."""
    chain = await Chain(world).make()
    await chain.grow(1_000, due_in_s=600)
    asleep = await chain.move(Range(0, 1_000))
    await move_chunk(await chain.move(Range(0, 1_000), owner="other"))
    await chain.grow(1_000, due_in_s=600)
    await move_chunk(asleep)
    assert asleep.live is not None
    assert asleep.live.end == 1_000
    assert await chain.cold() == 1_000
    assert await chain.read() == chain.expected()


async def test_a_chunk_in_anothers_hands_is_left_to_it(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    holder = await chain.move(Range(0, 10_000))
    await declare_intent(holder)
    with pytest.raises(ChunkHeld):
        await move_chunk(await chain.move(Range(0, 10_000), owner="other"))
    await run_steps(holder, _after(declare_intent))
    assert await chain.read() == chain.expected()


async def test_the_cold_end_never_passes_the_snapshot(world: World) -> None:
    """The worker died before its snapshot: the compactor folds the same one itself, after its commit."""
    chain = await Chain(world).make()
    await chain.grow(400)
    await chain.grow(9_600, snapshot=False)
    move = await chain.move(Range(0, 10_000))
    await run_steps(move, _up_to(commit))
    with pytest.raises(Exception, match="deleted"):
        await advance_cold_end(move)
    assert await chain.cold() == 0
    await run_steps(move, _after(commit))
    document = await chain.document()
    assert (document["next"], document["cold"]) == (10_000, 10_000)
    assert {key: document[key] for key in chain.snapshot.to_update()} == chain.snapshot.to_update()


async def test_a_chain_with_a_hole_is_not_moved(world: World) -> None:
    """It can only be damage; the move says where, and others may have the chunk at once."""
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    lost = await world.mongo.buckets.find_one_and_delete({"_id": {"$gt": chain.id + (700).to_bytes(8, "big")}})
    with pytest.raises(HoleInChain) as stopped:
        await move_chunk(await chain.move(Range(0, 10_000)))
    assert (stopped.value.found_end, stopped.value.wanted_end) == (1_400, 10_000)
    chunk = await manifest.read(world.mongo, chain.id, 0)
    assert chunk is not None
    assert (chunk.until, chunk.live) == (None, None)
    assert lost is not None
    await world.mongo.buckets.insert_one(lost)
    await move_chunk(await chain.move(Range(0, 10_000)))
    assert await chain.read() == chain.expected()


async def test_a_damaged_put_is_found_before_it_counts(world: World) -> None:
    """The bytes under the key are others than were sent: the chunk stays hot, and the next try has a key of its own."""
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    move = await chain.move(Range(0, 10_000))
    await run_steps(move, _up_to(put_object))
    data = bytearray(await world.objects.get(move.key))
    data[len(data) // 2] ^= 1
    await world.objects.put(move.key, bytes(data), crc32c(bytes(data)))
    with pytest.raises(ChunkDamaged, match="CRC32C"):
        await verify_object(move)
    await manifest.release(world.mongo, move.intent)  # type: ignore[arg-type]
    assert await chain.read() == chain.expected()
    await move_chunk(await chain.move(Range(0, 10_000)))
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    assert await chain.read() == chain.expected()


async def test_a_damaged_live_object_stops_the_longer_one_and_invents_nothing(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(1_000, due_in_s=600)
    first = await chain.move(Range(0, 1_000))
    await move_chunk(first)
    await world.objects.put(first.key, b"other bytes", crc32c(b"other bytes"))
    await chain.grow(1_000, due_in_s=600)
    with pytest.raises(ChunkDamaged) as damage:
        await move_chunk(await chain.move(Range(0, 2_000)))
    assert damage.value.key == first.key
    assert await chain.cold() == 1_000


async def test_what_a_late_insert_left_below_cold_never_enters_a_chunk(world: World) -> None:
    """A bucket lands in the range that has moved, with other events, and even reaches beyond the cold end."""
    chain = await Chain(world).make()
    await chain.grow(1_000, bucket_events=1_000, due_in_s=600)
    garbage = chain._bucket(0, 700)
    await move_chunk(await chain.move(Range(0, 1_000)))
    await world.mongo.buckets.insert_one(to_document(garbage))
    await chain.grow(9_000, due_in_s=0.0)
    assert await chain.read() == chain.expected()
    async with compacting(world.compactor()):
        await eventually(lambda: _settled(chain, 10_000))
    assert await chain.read() == chain.expected()
    assert await chain.hot_buckets() == 0


async def test_two_moves_of_one_chunk_at_once_end_with_one_live_object(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    moves = [await chain.move(Range(0, 10_000), owner=f"c{number}", lease_s=-1.0) for number in range(4)]
    ends = await asyncio.gather(*(move_chunk(move) for move in moves), return_exceptions=True)
    assert all(end is None or isinstance(end, ChunkHeld | RangeMoved | HoleInChain) for end in ends), ends
    await move_chunk(await chain.move(Range(0, 10_000))) if await chain.cold() < 10_000 else None
    assert await chain.read() == chain.expected()
    await sweep(world.mongo, world.objects, 0.0)
    chunk = await manifest.read(world.mongo, chain.id, 0)
    assert chunk is not None
    assert chunk.live is not None
    assert await chain.object_keys() == [chunk.live.key]


async def test_the_sweep_leaves_what_may_still_be_committed(world: World) -> None:
    """An object that was put and not yet committed, of any age; then its compactor goes on."""
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    paused = await chain.move(Range(0, 10_000), lease_s=-1.0)
    await run_steps(paused, _up_to(put_object))
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    await run_steps(paused, (verify_object, commit))
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    await run_steps(paused, _after(commit))
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    assert await chain.read() == chain.expected()


async def test_the_sweep_spares_young_orphans_and_what_is_none_of_ours(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    await run_steps(await chain.move(Range(0, 10_000), lease_s=-1.0), _up_to(put_object))
    await move_chunk(await chain.move(Range(0, 10_000), owner="other"))
    await world.objects.put("notes.txt", b"mine", crc32c(b"mine"))
    assert await sweep(world.mongo, world.objects, 3_600.0) == 0
    assert len(await chain.object_keys()) == 2
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    assert await world.objects.get("notes.txt") == b"mine"
    assert await chain.read() == chain.expected()


async def test_the_sweep_takes_what_a_deleted_generation_left(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(10_000, due_in_s=600)
    await run_steps(await chain.move(Range(0, 10_000)), _up_to(put_object))
    await world.mongo.chunks.delete_many({})
    assert await sweep(world.mongo, world.objects, 0.0) == 0  # nothing says whose it is
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"next": 2**62, "cold": 2**62}})
    assert await sweep(world.mongo, world.objects, 0.0) == 1


async def _settled(chain: Chain, cold: int) -> bool:
    document = await chain.document()
    return int(document["cold"]) >= cold and document.get("due_at", time() + 1) > time()
