"""Manifest entries of full chunks are kept in memory, and never show what has moved, is deleted, or is another's."""

import math
from typing import Any

import pytest
from msgspec import structs

from mldash_api.stores.full_chunks import FullChunks
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.levels import SPAN
from mldash_compactor.chunks.manifest import to_document
from tests.world import World

from .conftest import Running
from .writing import PREFIX, Chain, Event

pytestmark = pytest.mark.integration

GRID: dict[str, Any] = {"prefixes": PREFIX, "name": "loss", "fields": "loss", "points": 60, "statistics": ["least"]}


def wave(count: int, height: float) -> list[Event]:
    return [{"loss": height * math.sin(at / 700)} for at in range(count)]


async def cold_chain(world: World, events: list[Event], generation: int = 0) -> Chain:
    chain = await Chain(world, generation=generation).begin()
    for first in range(0, len(events), 5_000):
        await chain.append(events[first : first + 5_000])
    for k in range(len(events) // 10_000):
        await chain.move(k, (k + 1) * 10_000)
    return chain


async def move_objects(world: World, chain: Chain) -> None:
    """Each chunk under another key; the object of before is gone, as after a sweep."""
    for chunk in await manifest.live_chunks(world.mongo, chain.id, 0):
        assert chunk.live is not None
        data = await world.objects.get(chunk.live.key)
        moved = structs.replace(chunk.live, key=f"{chunk.live.key}-moved")
        await world.objects.put(moved.key, data, moved.crc32c)
        place = {"_id": {"s": chain.id, "k": chunk.k}}
        await world.mongo.chunks.update_one(place, {"$set": {"live": to_document(moved)}, "$inc": {"epoch": 1}})
        await world.objects.delete([chunk.live.key])


async def test_a_grid_is_right_when_its_objects_move_its_head_is_deleted_and_its_experiment_made_anew(
    world: World,
) -> None:
    """By an API that keeps manifest entries and nothing of objects, so that each grid has to find them."""
    async with Running(world.api(stop_timeout_s=2.0, tail_cache_bytes=0, summary_cache_bytes=0)) as client:
        chain = await cold_chain(world, wave(30_000, 1.0))
        before = await client.get("/v1/metrics/grid", **GRID)
        (series,) = before["series"]
        assert len(before["edges"]) == 61 and series["statistics"]["least"][0] == 0.0

        await move_objects(world, chain)
        assert await client.get("/v1/metrics/grid", **GRID) == before

        await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"floor": 10_000}})
        await world.mongo.chunks.delete_one({"_id": {"s": chain.id, "k": 0}})
        later = await client.get("/v1/metrics/grid", **{**GRID, "points": 40})
        assert (later["edges"][0], later["runs"][0]["totalPoints"]) == (10_000, 20_000)
        assert later["series"][0]["statistics"]["least"] == series["statistics"]["least"][20:]

        again = await cold_chain(world, wave(30_000, 2.0), generation=1)
        await world.mongo.experiments.update_one({"_id": again.experiment}, {"$set": {"gen": 1}})
        made_anew = await client.get("/v1/metrics/grid", **GRID)
        doubled = [2.0 * value for value in series["statistics"]["least"]]
        assert made_anew["series"][0]["statistics"]["least"] == doubled


async def test_entries_are_read_once_and_anew_when_the_span_is_joined_or_they_were_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, reads = await cold_chain(world, wave(30_000, 1.0)), list[tuple[int, int | None]]()
    real = manifest.live_chunks

    async def counted(mongo: Any, stream: bytes, first_k: int, last_k: int | None = None) -> Any:
        reads.append((first_k, last_k))
        return await real(mongo, stream, first_k, last_k)

    monkeypatch.setattr(manifest, "live_chunks", counted)
    known = FullChunks(1 << 20)

    async def ks(first: int, end: int, joined: int = 0) -> list[int]:
        return [one.k for one in await known.get(world.mongo, chain.id, first, end, joined)]

    assert await ks(1, 2) == [1]
    assert await ks(0, 3) == [0, 1, 2]
    assert await ks(0, 3) == [0, 1, 2]
    assert reads == [(1, 1), (0, 2)]
    assert await ks(0, 3, joined=SPAN) == [0, 1, 2]
    known.drop(chain.id, 2)
    assert await ks(0, 4, joined=SPAN) == [0, 1, 2]
    assert await ks(3, 4, joined=SPAN) == [], "a chunk that is not full is asked for each time"
    assert reads[2:] == [(0, 2), (0, 3), (3, 3)]
    assert 0 < known.held_bytes < 1 << 20
    small = FullChunks(1_000)
    assert [one.k for one in await small.get(world.mongo, chain.id, 0, 3, 0)] == [0, 1, 2]
    assert small.held_bytes == 0
