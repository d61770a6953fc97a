"""S3 fails, is slow, or answers a put with an error after it has stored the object: reads are right at every moment,
nothing is lost, and nothing is left after the sweep."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count

import msgspec
import pytest

from benchmarks.cold_stream import load, name_stream
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.errors import ColdStoreError, StoreUnreachable
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.moving import candidates, join
from mldash_compactor.moving.candidates import Range
from mldash_compactor.moving.move import Move, move_chunk
from mldash_compactor.settings import CompactorSettings
from mldash_compactor.upkeep.sweep import sweep
from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .chains import PREFIX, Chain, compacting, eventually
from .faulty_s3 import Choose, Fault, FaultyS3, Request, faulty_s3, store_at

pytestmark = pytest.mark.integration


@asynccontextmanager
async def faulty(world: World) -> AsyncIterator[tuple[FaultyS3, ObjectStore, CompactorSettings]]:
    """The proxy, the bucket through it, and settings of a compactor that goes through it."""
    servers = world.servers
    assert servers.s3_endpoint is not None
    with faulty_s3(servers.s3_endpoint) as proxy:
        async with store_at(servers, proxy.endpoint) as store:
            settings = msgspec.structs.replace(world.compactor(keep_track_events=0), s3_endpoint=proxy.endpoint)
            yield proxy, store, settings


@asynccontextmanager
async def reading(chain: Chain) -> AsyncIterator[None]:
    """A reader that checks density and values without pause, past the proxy."""
    done = asyncio.Event()

    async def read() -> int:
        for reads in count(1):
            assert await chain.read() == chain.expected()
            if done.is_set():
                return reads
        raise AssertionError("unreachable")

    task = asyncio.create_task(read())
    try:
        yield
    finally:
        done.set()
        await task


def is_put(request: Request) -> bool:
    return request.method == "PUT" and ".parquet" in request.path


async def through(chain: Chain, store: ObjectStore, end: int) -> Move:
    move = await chain.move(Range(0, end))
    move.objects = store
    return move


async def test_a_put_that_is_answered_with_an_error_after_it_was_stored_is_the_same_put_again(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(CHUNK, bucket_events=2_500, due_in_s=600)
    async with faulty(world) as (proxy, store, _):
        lies = iter([Fault(status=500, stored=True), Fault(stored=True, cut=True)])
        proxy.choose = lambda request: next(lies, None) if is_put(request) else None
        async with reading(chain):
            await move_chunk(await through(chain, store, CHUNK))
        assert len(proxy.hits) == 2
    assert await chain.cold() == CHUNK
    assert await sweep(world.mongo, world.objects, 0.0) == 0
    assert len(await chain.object_keys()) == 1


async def test_a_put_that_never_succeeds_leaves_the_chunk_hot_and_the_next_try_has_a_key_of_its_own(
    world: World,
) -> None:
    """Each answer is an error, and each time the object is there all the same."""
    chain = await Chain(world).make()
    await chain.grow(CHUNK, bucket_events=2_500, due_in_s=600)
    async with faulty(world) as (proxy, store, _):
        proxy.choose = lambda request: Fault(status=503, stored=True) if is_put(request) else None
        async with reading(chain):
            with pytest.raises(StoreUnreachable):
                await move_chunk(await through(chain, store, CHUNK))
        assert (await chain.cold(), len(await chain.object_keys())) == (0, 1)
        proxy.choose = lambda request: None
        async with reading(chain):
            await move_chunk(await through(chain, store, CHUNK))
    assert len(await chain.object_keys()) == 2
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    assert await chain.read() == chain.expected()


async def test_a_put_that_is_slower_than_the_lease_can_commit_nothing_that_another_has_moved(world: World) -> None:
    chain = await Chain(world).make()
    await chain.grow(CHUNK, bucket_events=2_500, due_in_s=600)
    async with faulty(world) as (proxy, store, _):
        slow = iter([Fault(delay_s=1.0)])
        proxy.choose = lambda request: next(slow, None) if is_put(request) else None
        sleeper = await through(chain, store, CHUNK)
        sleeper.lease_s = -1.0
        moving = asyncio.create_task(move_chunk(sleeper))

        async def hit() -> bool:
            return bool(proxy.hits)

        await eventually(hit)
        async with reading(chain):
            await move_chunk(await chain.move(Range(0, CHUNK), owner="other"))
            with suppress(Exception):
                await moving
        assert moving.exception() is not None
    assert await sweep(world.mongo, world.objects, 0.0) == 1
    assert await chain.read() == chain.expected()


@pytest.mark.parametrize("seed", range(3))
async def test_a_compactor_gets_through_an_s3_that_fails_at_every_other_turn(world: World, seed: int) -> None:
    """Errors, cuts, delays, answers that lie, on any request; a metric and a track; then calm."""
    chance = random.Random(seed)
    faults = [
        Fault(status=500),
        Fault(status=503, stored=True),
        Fault(cut=True),
        Fault(cut=True, stored=True),
        Fault(delay_s=0.1),
    ]
    chains = [await Chain(world, kind).make() for kind in ("metrics", "tracks")]
    for chain in chains:
        await chain.grow(3 * CHUNK, bucket_events=5_000, due_in_s=600)
    async with faulty(world) as (proxy, _, settings):
        settings = msgspec.structs.replace(settings, retry_s=0.2)
        async with compacting(settings) as compactor, reading(chains[0]), reading(chains[1]):

            async def started() -> bool:
                return await compactor.health() is None

            await eventually(started)
            proxy.choose = _some(chance, faults)
            await world.mongo.streams.update_many({}, {"$set": {"due_at": 1.0}})

            async def enough() -> bool:
                return len(proxy.hits) > 12 or await _all_cold(chains)

            await eventually(enough, 60)
            proxy.choose = lambda request: None
            await eventually(lambda: _all_cold(chains), 60)
        assert proxy.hits, f"seed {seed}: no request met a fault"
    await sweep(world.mongo, world.objects, 0.0)
    for chain in chains:
        assert await chain.read() == chain.expected()
        assert (len(await chain.object_keys()), await chain.hot_buckets()) == (3, 0)


def _some(chance: random.Random, faults: list[Fault]) -> Choose:
    def choose(request: Request) -> Fault | None:
        return chance.choice(faults) if chance.random() < 0.5 else None

    return choose


async def _all_cold(chains: list[Chain]) -> bool:
    return all([await chain.cold() == 3 * CHUNK for chain in chains])


async def test_a_join_through_an_s3_that_lies_loses_no_chunk(world: World) -> None:
    stream = name_stream(PREFIX.text, "long")
    await load(world.mongo, world.objects, stream, 3 * CHUNK, joined=False)
    state = await candidates.read_stream(world.mongo, stream.id)
    assert state is not None
    async with faulty(world) as (proxy, store, _):
        for fault in (Fault(status=500, stored=True), Fault(cut=True), Fault(status=403, stored=True), None):
            proxy.choose = lambda request, fault=fault: fault if is_put(request) else None  # type: ignore[misc]
            chunks = await manifest.live_chunks(world.mongo, stream.id, 0)
            run = join.Join(world.mongo, store, state, stream.prefix, chunks, owner="t", lease_s=60)
            if fault is None:
                await join.run_steps(run)
            else:
                with pytest.raises(ColdStoreError):
                    await join.run_steps(run)
            for chunk in await manifest.live_chunks(world.mongo, stream.id, 0):
                assert chunk.live is not None
                await read_chunk(world.objects, chunk.live)
    await sweep(world.mongo, world.objects, 0.0)
    keys = [one.key async for one in world.objects.list()]
    assert len(keys) == 1
    assert (await manifest.live_chunks(world.mongo, stream.id, 0))[0].live.key == keys[0]  # type: ignore[union-attr]
