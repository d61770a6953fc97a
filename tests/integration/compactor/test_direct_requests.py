"""Objects go and come by direct requests; what these do not know the client answers, and says what it means."""

from collections.abc import AsyncIterator

import pytest

from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.errors import ObjectMissing, StoreRefused
from mldash_compactor.chunks.s3 import ObjectStore
from tests.world import World

from .faulty_s3 import Fault, Request, faulty_s3, store_at

pytestmark = pytest.mark.integration

KEYS = ("plain", "owner=a%2Fb/stream=00ff/00000001-000001.parquet", "a b/ü+~&?#.parquet", "double//slash")


@pytest.fixture
async def without_client(world: World) -> AsyncIterator[ObjectStore]:
    """A store whose client is gone: only direct requests can answer."""
    servers = world.servers
    assert servers.s3_endpoint is not None
    async with store_at(servers, servers.s3_endpoint) as store:
        store._client = None
        yield store


@pytest.mark.parametrize("key", KEYS)
async def test_what_is_put_directly_the_client_finds_under_the_same_key(
    world: World, without_client: ObjectStore, key: str
) -> None:
    data = b"some bytes of a chunk"
    await without_client.put(key, data, crc32c(data))
    answer = await world.objects._client.get_object(Bucket=world.objects.bucket, Key=key)
    async with answer["Body"] as body:
        assert await body.read() == data
    assert await without_client.get(key) == data
    assert await without_client.get_range(key, 5, 5) == b"bytes"


async def test_objects_of_any_size_go_and_come_directly(without_client: ObjectStore) -> None:
    """Large ones are sent piece by piece."""
    for size in (0, 1, (1 << 20) - 1, 1 << 20, 9 << 20):
        data = bytes(range(256)) * (size // 256) + bytes(size % 256)
        await without_client.put(f"of-{size}", data, crc32c(data))
        assert await without_client.get(f"of-{size}") == data


async def test_a_missing_object_and_a_range_behind_the_end_are_said_as_ever(world: World) -> None:
    with pytest.raises(ObjectMissing):
        await world.objects.get("nothing")
    await world.objects.put("short", b"four", crc32c(b"four"))
    assert await world.objects.get_range("short", 2, 100) == b"ur"
    assert await world.objects.get_range("short", 100, 10) == b""


async def test_bytes_that_are_not_what_their_checksum_says_are_refused(world: World) -> None:
    with pytest.raises(StoreRefused):
        await world.objects.put("wrong", b"these", crc32c(b"others"))
    with pytest.raises(ObjectMissing):
        await world.objects.get("wrong")


async def test_an_error_is_asked_again_of_the_client_at_once(world: World) -> None:
    """One answer that is no success costs a second request, and no wait."""
    servers = world.servers
    assert servers.s3_endpoint is not None
    with faulty_s3(servers.s3_endpoint) as proxy:
        async with store_at(servers, proxy.endpoint) as store:

            def once(request: Request) -> Fault | None:
                return None if proxy.hits else Fault(status=403)

            proxy.choose = once
            await store.put("kept", b"bytes", crc32c(b"bytes"))
            assert len(proxy.hits) == 1
            assert await store.get("kept") == b"bytes"
