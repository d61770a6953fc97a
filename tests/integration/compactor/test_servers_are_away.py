"""A server that is away is waited for and told of; a wrong address or key is told at once, in a line."""

import asyncio

import msgspec
import pytest

from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.errors import ObjectMissing, StoreRefused, StoreUnreachable
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.compactor import Compactor
from mldash_compactor.settings import CompactorSettings
from tests.gate import gate_before
from tests.world import World

from .chains import Chain, compacting, eventually

pytestmark = pytest.mark.integration


async def test_chunks_wait_while_s3_is_away_and_move_when_it_is_back(world: World) -> None:
    chain = await Chain(world).make()
    endpoint = world.servers.s3_endpoint
    assert endpoint is not None
    with gate_before(endpoint) as (gate, address):
        async with compacting(_with(world, s3_endpoint=f"http://{address}", retry_s=0.2)) as compactor:
            await eventually(lambda: _is_ready(compactor))
            gate.shut()
            await chain.grow(10_000)

            async def told() -> bool:
                return "S3 is away" in (await compactor.health() or "")

            await eventually(told)
            assert await chain.read() == chain.expected()
            gate.open()

            async def moved() -> bool:
                return await chain.cold() == 10_000 and await compactor.health() is None

            await eventually(moved)
    assert await chain.read() == chain.expected()


async def test_chunks_wait_while_mongodb_is_away_and_move_when_it_is_back(world: World) -> None:
    chain = await Chain(world).make()
    with gate_before(world.servers.mongo) as (gate, address):
        mongo = f"mongodb://{address}/?directConnection=true"
        async with compacting(_with(world, mongo=mongo, retry_s=0.2)) as compactor:
            await eventually(lambda: _is_ready(compactor))
            gate.shut()
            await chain.grow(10_000)

            async def told() -> bool:
                return "MongoDB is away" in (await compactor.health() or "")

            await eventually(told)
            gate.open()

            async def moved() -> bool:
                return await chain.cold() == 10_000 and await compactor.health() is None

            await eventually(moved, 60)
    assert await chain.read() == chain.expected()


async def test_a_store_that_is_not_there_is_told_in_a_line(world: World) -> None:
    with pytest.raises(StoreUnreachable) as away:
        await Compactor(_with(world, s3_endpoint="http://127.0.0.1:9")).run(asyncio.Event())
    assert "http://127.0.0.1:9" in str(away.value)
    assert "\n" not in str(away.value)


async def test_a_missing_bucket_and_a_wrong_key_are_told_apart(world: World) -> None:
    with pytest.raises(StoreRefused, match="no bucket"):
        await Compactor(_with(world, s3_bucket="nowhere")).run(asyncio.Event())
    with pytest.raises(StoreRefused):
        await Compactor(_with(world, s3_access_key="someone", s3_secret_key="else")).run(asyncio.Event())


async def test_an_object_is_what_was_put_and_a_part_of_it_too(world: World) -> None:
    store, data = world.objects, bytes(range(256)) * 40
    await store.put("a/b c/ü", data, crc32c(data))
    assert await store.get("a/b c/ü") == data
    assert await store.get_range("a/b c/ü", 10, 20) == data[10:30]
    assert await store.get_range("a/b c/ü", len(data) - 5, 20) == data[-5:]
    listed = [one async for one in store.list("a/")]
    assert [(one.key, one.bytes) for one in listed] == [("a/b c/ü", len(data))]
    await store.delete(["a/b c/ü", "not there"])
    with pytest.raises(ObjectMissing) as missing:
        await store.get("a/b c/ü")
    assert missing.value.key == "a/b c/ü"
    with pytest.raises(ObjectMissing):
        await store.get_range("a/b c/ü", 0, 5)


async def test_bytes_that_do_not_match_their_checksum_are_refused(world: World) -> None:
    with pytest.raises(StoreRefused):
        await world.objects.put("x", b"these bytes", crc32c(b"other bytes"))


async def test_a_listing_goes_over_all_pages(world: World) -> None:
    names = [f"many/{number:04}" for number in range(1_050)]
    for at in range(0, len(names), 50):
        await asyncio.gather(*(world.objects.put(name, b"x", crc32c(b"x")) for name in names[at : at + 50]))
    assert [one.key async for one in world.objects.list("many/")] == names
    await world.objects.delete(names)
    assert [one async for one in world.objects.list("many/")] == []


async def test_keys_are_not_in_what_a_store_says_of_itself(world: World) -> None:
    store = ObjectStore(endpoint="http://there", bucket="bucket", access_key="AKIA", secret_key="secret")
    assert repr(store) == "ObjectStore('http://there', 'bucket')"


async def test_a_compactor_that_is_told_to_stop_finishes_the_chunk_in_hand(world: World) -> None:
    """And no more than that: the second chunk stays for the next one."""
    chain = await Chain(world).make()
    await chain.grow(20_000, bucket_events=100, due_in_s=0.0)
    compactor, stop = Compactor(world.compactor()), asyncio.Event()
    running = asyncio.create_task(compactor.run(stop))

    async def begun() -> bool:
        return await world.mongo.chunks.count_documents({}) > 0

    await eventually(begun)
    stop.set()
    await running
    assert await chain.cold() in (10_000, 20_000)
    assert await chain.hot_buckets() == (20_000 - await chain.cold()) // 100
    assert await world.mongo.chunks.count_documents({"until": {"$ne": None}}) == 0
    assert await chain.read() == chain.expected()


def _with(world: World, **settings: object) -> CompactorSettings:
    return msgspec.structs.replace(world.compactor(), **settings)


async def _is_ready(compactor: Compactor) -> bool:
    return await compactor.health() is None
