"""Chunks in memory: within the setting, and an answer never depends on what is held."""

import json
from typing import Any

import pytest

from benchmarks.cold_stream import load, name_stream
from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .conftest import Client, Running
from .writing import PREFIX, Chain, numbered

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("capacity", [0, 3_000_000, 256 << 20])
async def test_answers_are_the_same_with_any_cache_and_memory_is_bounded(world: World, capacity: int) -> None:
    chain = await Chain(world).begin()
    for first in range(0, 12 * CHUNK, CHUNK):
        await chain.append(numbered(first, CHUNK))
    for k in range(12):
        await chain.commit(k, (k + 1) * CHUNK)
    await chain.snapshot()
    await chain.advance(12 * CHUNK)
    running = Running(world.api(chunk_cache_bytes=capacity))
    async with running as client:
        for start in (0, 60_000, 110_000, 0):
            page = await client.get("/v1/metrics/points", prefix=PREFIX, name="loss", start_index=start, limit=CHUNK)
            assert [one["data"]["n"] for one in page["data"]] == list(range(start, start + CHUNK))
        whole = await client.get("/v1/metrics/points", prefix=PREFIX, name="loss", limit=100_000)
        assert [one["index"] for one in whole["data"]] == list(range(100_000))
        assert running.api._stores is not None
        held = running.api._stores.chunks.held_bytes
        assert held <= capacity
        assert (held > 0) == (capacity > 0)


async def test_a_chunk_that_is_too_large_to_be_held_is_read_by_its_fields(world: World) -> None:
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": row, "y": -row} for row in range(3)], times=[1.0, 2.0, 3.0])
    await chain.move(0, 3)
    async with Running(world.api(chunk_cache_bytes=0)) as client:
        assert await _xs(client) == [{"timestamp": 2.0, "x": 1}]
    async with Running(world.api()) as client:
        assert await _xs(client) == await _xs(client) == [{"timestamp": 2.0, "x": 1}]


async def _xs(client: Client) -> object:
    query = {"prefix": PREFIX, "topic": "pose", "start": 2.0, "end": 2.0, "columns": "x"}
    return (await client.get("/v1/tracks/entries", None, **query))["entries"]


@pytest.mark.parametrize("capacity", [0, 20_000, 32 << 20])
async def test_charts_are_the_same_with_any_cache_of_summaries_and_memory_is_bounded(
    world: World, capacity: int
) -> None:
    stream = name_stream(PREFIX, "train")
    await load(world.mongo, world.objects, stream, 1_010_000)
    asked: dict[str, object] = {"prefix": PREFIX, "name": "train", "points": 100}
    running = Running(world.api(summary_cache_bytes=capacity))
    async with running as client:
        charts = [
            [await client.get("/v1/metrics/view", **asked, start=start, end=start + 99_999, fields=field) for _ in "ab"]
            for start in (0, 500_000)
            for field in ("loss", "step")
        ]
        assert all(first == again and first["totalPoints"] == 100_000 for first, again in charts)
        assert running.api._stores is not None
        held = running.api._stores.blocks.held_bytes
        assert held <= capacity
        assert (held > 0) == (capacity > 20_000)


async def test_an_export_pushes_nothing_out_and_takes_what_is_there(world: World) -> None:
    chain = await Chain(world).begin()
    for first in range(0, 7 * CHUNK, CHUNK):
        await chain.append(numbered(first, CHUNK))
    for k in range(7):
        await chain.commit(k, (k + 1) * CHUNK)
    await chain.snapshot()
    await chain.advance(7 * CHUNK)
    asked: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}
    running = Running(world.api())
    async with running as client:
        await client.get("/v1/metrics/points", **asked, limit=10)
        assert running.api._stores is not None
        held = running.api._stores.chunks.held_bytes
        await world.objects.delete([one.key async for one in world.objects.list() if "/00000000-" in one.key])
        answer = await client.raw("/v1/metrics/export", None, **asked, format="jsonl", start_index=5)
        assert [json.loads(line)["data"]["n"] for line in answer.content.splitlines()] == list(range(5, 7 * CHUNK))
        assert running.api._stores.chunks.held_bytes == held > 0
