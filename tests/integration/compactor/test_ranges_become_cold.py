"""What is cold moves to S3, reads the same before and after, and leaves MongoDB."""

import asyncio
from time import time

import pytest

from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.keys import parse_key
from mldash_compactor.chunks.objects import read_metadata
from mldash_compactor.moving import candidates
from mldash_compactor.moving.candidates import hot_bytes
from mldash_ingest.documents.buckets import Source
from tests.world import World

from .chains import PREFIX, SESSION, Chain, compacting, eventually

pytestmark = pytest.mark.integration


async def test_full_chunks_of_a_metric_move_and_the_rest_stays_hot(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(25_000, due_in_s=0.0)
    async with compacting(world.compactor(idle_s=600)):

        async def settled() -> bool:
            document = await chain.document()
            return document["cold"] == 20_000 and document["due_at"] > time()

        await eventually(settled)
    assert await chain.read() == chain.expected()
    assert await chain.hot_buckets() == 8  # 5,000 events
    chunks = await manifest.live_chunks(world.mongo, chain.id, 0)
    assert [(chunk.k, chunk.live.end if chunk.live else 0, chunk.until) for chunk in chunks] == [
        (0, 10_000, None),
        (1, 20_000, None),
    ]


async def test_an_entry_of_the_manifest_says_what_its_object_holds(world: World) -> None:
    chain = await Chain(world, name=None).make()
    await chain.grow(10_000)
    async with compacting(world.compactor()):
        await eventually(lambda: _cold_is(chain, 10_000))
    [chunk] = await manifest.live_chunks(world.mongo, chain.id, 0)
    live = chunk.live
    assert live is not None
    data = await world.objects.get(live.key)
    assert live.bytes == len(data)
    assert (live.t0, live.t1) == (1_000.0, 1_009.999)
    assert {field.name: field.type for field in live.fields()} == {
        "loss": "float64",
        "step": "int64",
        "tag": "string",
        "eval": "float64",
    }
    loss = live.field_summaries()[0]
    assert (loss.name, loss.count, loss.nan_count) == ("loss", 10_000, 0)
    assert loss.max is not None
    assert (loss.max.index, loss.max.value) == (0, 1.0)
    about = read_metadata(data)
    assert (about.prefix, about.name, about.stream, about.k) == (PREFIX.text, None, chain.id, 0)
    assert about.sources == [Source(SESSION, 0, 10_000)]
    assert about.cuts == list(range(0, 10_000, 700))
    assert live.key.startswith("owner=owner/project=project/experiment=run%20one/gen=0/stream=")
    place = parse_key(live.key)
    assert place is not None
    assert (place.stream, place.k, place.epoch) == (chain.id, 0, 1)
    assert await manifest.chunks_by_time(world.mongo, chain.id, 1_009.999, 1e12) == [chunk]
    assert await manifest.chunks_by_time(world.mongo, chain.id, 1_009.9995, 1e12) == []


async def test_the_short_rest_of_an_idle_metric_follows_and_is_replaced_when_the_run_goes_on(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(1_234)
    async with compacting(world.compactor()):
        await eventually(lambda: _cold_is(chain, 1_234))
        assert await chain.read() == chain.expected()
        await eventually(lambda: _is_due_no_more(chain))
        await chain.grow(3_000)
        await eventually(lambda: _cold_is(chain, 4_234))
        assert await chain.read() == chain.expected()
        await chain.grow(7_000, due_in_s=0.0)
        await eventually(lambda: _cold_is(chain, 10_000))
        assert await chain.read() == chain.expected()
    [chunk] = await manifest.live_chunks(world.mongo, chain.id, 0, 0)
    assert chunk.live is not None
    assert (chunk.epoch, chunk.live.end) == (3, 10_000)
    about = read_metadata(await world.objects.get(chunk.live.key))
    assert about.sources == [Source(SESSION, 0, 10_000)]
    assert about.cuts[:4] == [0, 700, 1_234, 1_934]
    assert len(await chain.object_keys()) == 3 + (await chain.cold() > 10_000)


async def test_a_metric_that_is_still_being_written_keeps_its_rest_hot(world: World) -> None:
    """Its snapshot is old and due, but a bucket came after it: the compactor writes the snapshot and waits anew."""
    chain = await Chain(world).make()
    await chain.grow(500)
    await chain.grow(500, snapshot=False)
    async with compacting(world.compactor(idle_s=600)):

        async def covered() -> bool:
            document = await chain.document()
            return document["next"] == 1_000 and document["due_at"] > time() + 500

        await eventually(covered)
    assert await chain.cold() == 0
    document = await chain.document()
    assert {key: document[key] for key in chain.snapshot.to_update()} == chain.snapshot.to_update()


async def test_a_track_keeps_its_newest_events_hot(world: World) -> None:
    chain = await Chain(world, kind="tracks", name="robot/position").make()
    await chain.grow(32_000, times=[float(index // 3) for index in range(32_000)])
    async with compacting(world.compactor(keep_track_events=11_000)):
        await eventually(lambda: _cold_is(chain, 20_000))
        await eventually(lambda: _is_due_no_more(chain))
    assert await chain.cold() == 20_000
    assert await chain.read() == chain.expected()


async def test_a_track_of_large_entries_keeps_no_more_bytes_hot_than_it_may(world: World) -> None:
    """Chunks move whole: what is kept is the newest chunks that fit, and the one that is not full."""
    chain = await Chain(world, kind="tracks", name="camera").make()
    await chain.grow(45_000, times=[float(index) for index in range(45_000)], bucket_events=2_500)
    a_chunk = sum(await hot_bytes(world.mongo, chain.id, 0, [10_000]))
    settings = world.compactor(keep_track_events=1_000_000, keep_track_bytes=int(a_chunk * 2.75))
    async with compacting(settings):
        await eventually(lambda: _is_due_no_more(chain))
        assert await chain.cold() == 20_000
        await chain.grow(13_500, times=[float(index) for index in range(45_000, 58_500)], due_in_s=-1.0)
        await eventually(lambda: _cold_is(chain, 40_000))
        await eventually(lambda: _is_due_no_more(chain))
    kept = await hot_bytes(world.mongo, chain.id, 40_000, [58_500])
    assert kept[0] <= settings.keep_track_bytes
    assert await chain.cold() == 40_000
    assert await chain.read() == chain.expected()


async def test_late_entries_of_a_track_are_folded_wherever_they_lie(world: World) -> None:
    """The second chunk and the hot rest hold further fields and newer values for times of the first."""
    chain = await Chain(world, kind="tracks").make()
    times = [float((index * 7_919) % 4_001) for index in range(23_000)]
    await chain.grow(23_000, times=times, bucket_events=900)
    async with compacting(world.compactor(keep_track_events=0)):
        await eventually(lambda: _cold_is(chain, 20_000))
    assert await chain.read() == chain.expected()
    [first, _] = await manifest.live_chunks(world.mongo, chain.id, 0)
    assert first.live is not None
    assert len(first.live.fields()) == 4


async def test_two_compactors_share_the_work_and_no_chunk_is_moved_twice(world: World) -> None:
    chains = [await Chain(world, name=f"m{number}").make() for number in range(6)]
    for chain in chains:
        chain.begin = time() - 60
        await chain.grow(21_000, bucket_events=2_500, due_in_s=0.0)

    async def all_cold() -> bool:
        return all([await chain.cold() == 20_000 for chain in chains])

    async with compacting(world.compactor(owner="a")), compacting(world.compactor(owner="b")):
        await eventually(all_cold, 60)
    for chain in chains:
        assert await chain.read() == chain.expected()
        live = [chunk.live.key for chunk in await manifest.live_chunks(world.mongo, chain.id, 0) if chunk.live]
        assert len(live) == 2
        # One that lost its epoch may leave an orphan, never another live object.
        assert set(live) <= set(await chain.object_keys())


async def test_reads_are_right_at_every_moment_of_a_move(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(10_000, bucket_events=50, due_in_s=0.0)
    done = asyncio.Event()

    async def reading() -> int:
        reads = 0
        while not done.is_set():
            assert await chain.read() == chain.expected()
            reads += 1
        return reads

    reader = asyncio.create_task(reading())
    async with compacting(world.compactor()):
        await eventually(lambda: _cold_is(chain, 10_000))
        await eventually(lambda: _is_empty(chain))
    done.set()
    assert await reader > 0


async def test_a_deleted_experiment_is_left_alone(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(10_000)
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"next": 2**62, "cold": 2**62}})
    async with compacting(world.compactor()):
        await eventually(lambda: _is_due_no_more(chain))
    assert await chain.object_keys() == []


async def test_health_is_none_while_it_works(world: World) -> None:
    async with compacting(world.compactor()) as compactor:

        async def ready() -> bool:
            return await compactor.health() is None

        await eventually(ready)


async def _cold_is(chain: Chain, cold: int) -> bool:
    return await chain.cold() >= cold


async def _is_due_no_more(chain: Chain) -> bool:
    return "due_at" not in await chain.document()


async def _is_empty(chain: Chain) -> bool:
    return await chain.hot_buckets() == 0


async def test_chain_end_is_that_of_the_newest_bucket_but_never_of_one_below_cold(world: World) -> None:
    chain = await Chain(world).make()
    assert await candidates.chain_end(world.mongo, chain.id, 0) == 0
    await chain.grow(1_000)
    assert await candidates.chain_end(world.mongo, chain.id, 0) == 1_000
    assert await candidates.chain_end(world.mongo, chain.id, 1_000) == 1_000
    first, rest = await candidates.hot_bytes(world.mongo, chain.id, 0, [700, 1_000])
    assert first > rest > 1_000
