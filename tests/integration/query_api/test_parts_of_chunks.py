"""Of a large chunk only the pages that are asked for leave S3, and an answer never depends on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.parquet import pages
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .conftest import Client, Running
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

WIDTH = 24


def _points(count: int = CHUNK) -> list[dict[str, Any]]:
    random = Random(1)  # what does not compress
    return [{"n": row, "features": [random.random() for _ in range(WIDTH)]} for row in range(count)]


async def _large_chunk(world: World) -> Live:
    chain = await Chain(world).begin()
    await chain.append(_points())
    live = await chain.move(0, CHUNK)
    assert live.bytes > 1 << 20
    return live


@contextmanager
def _counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Bytes of each answer of S3."""
    real, sizes = ObjectStore._read, list[int]()

    async def read(self: ObjectStore, *arguments: Any) -> bytes:
        data = await real(self, *arguments)
        sizes.append(len(data))
        return data

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "_read", read)
        yield sizes


async def _read(client: Client, start: int, limit: int, **more: Any) -> Any:
    return await client.get("/v1/metrics/points", prefix=PREFIX, name="loss", start_index=start, limit=limit, **more)


async def test_a_thousand_points_from_the_middle_are_a_part_of_the_bytes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = await _large_chunk(world)
    expected = _points()
    async with Running(world.api()) as client:
        with _counted(monkeypatch) as sizes:
            page = await _read(client, 4_000, 1_000)
        assert [one["data"] for one in page["data"]] == expected[4_000:5_000]
        assert [one["index"] for one in page["data"]] == list(range(4_000, 5_000))
        assert sum(sizes) < live.bytes / 5
        with _counted(monkeypatch) as again:
            page = await _read(client, 4_990, 20)
        assert [one["data"] for one in page["data"]] == expected[4_990:5_010]
        assert live.tail_bytes not in again  # it is held
        with _counted(monkeypatch) as one_field:
            page = await _read(client, 0, CHUNK, fields="n")
        assert [one["data"] for one in page["data"]] == [{"n": row} for row in range(CHUNK)]
        assert sum(one_field) < live.bytes / 5
        with _counted(monkeypatch) as whole:
            page = await _read(client, 0, CHUNK)
        assert [one["data"] for one in page["data"]] == expected
        assert whole == [live.bytes]


async def test_a_chunk_that_does_not_say_where_its_tail_is_is_read_whole(world: World) -> None:
    """As those of earlier versions."""
    await _large_chunk(world)
    await world.mongo.chunks.update_many({}, {"$unset": {"live.tail_bytes": "", "live.tail_crc32c": ""}})
    async with Running(world.api()) as client:
        page = await _read(client, 4_000, 10)
    assert [one["data"] for one in page["data"]] == _points()[4_000:4_010]


@pytest.mark.parametrize("where", ["tail", "page"])
async def test_damage_in_what_is_read_is_told_and_the_rest_still_reads(world: World, where: str) -> None:
    live = await _large_chunk(world)
    data = bytearray(await world.objects.get(live.key))
    at = len(data) - 100 if where == "tail" else _page_of(data, live)
    data[at] ^= 1
    await world.objects.put(live.key, bytes(data), crc32c(bytes(data)))
    async with Running(world.api()) as client:
        problem = await client.problem(
            "/v1/metrics/points", 500, prefix=PREFIX, name="loss", start_index=4_000, limit=1_000
        )
        assert (problem["type"], problem["firstIndex"], problem["endIndex"]) == ("chunk-damaged", 0, CHUNK)
        if where == "page":
            page = await _read(client, 100, 100)
            assert [one["data"] for one in page["data"]] == _points()[100:200]


def _page_of(data: bytes, live: Live) -> int:
    """A byte within the rows 4,000 … of the widest column."""
    tail = pages.read_tail(live.bytes, bytes(data[-live.tail_bytes :]))
    plan = pages.plan(tail, ["features"], range(4_000, 5_000))
    assert plan is not None
    piece = next(one for one in plan.pieces if one.column == "features")
    return piece.span.start + 500
