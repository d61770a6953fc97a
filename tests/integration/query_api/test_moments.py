"""Entries at given times: the last one at or before, over chunks and buckets whose times overlap as they will."""

import random
from bisect import bisect_right
from typing import Any

import pytest

from mldash.events.merging import merge_entries
from mldash_compactor.chunks.checksum import crc32c
from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

POSE: dict[str, Any] = {"prefix": PREFIX, "topic": "pose"}


async def test_each_time_gives_the_last_entry_at_or_before(world: World, client: Client) -> None:
    """Buckets in any order of time, half of them cold; every answer is compared with a plain fold."""
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    chain = await Chain(world, "tracks", "pose").begin()
    times, events = list[float](), list[dict[str, Any]]()
    for turn in range(12):
        centre = draw.choice([turn * 10.0, draw.uniform(0, 120)])
        stamps = [round(centre + draw.uniform(-8, 8), 1) for _ in range(30)]
        batch = [{draw.choice("xyz"): draw.random()} for _ in stamps]
        await chain.append(batch, times=stamps)
        times, events = times + stamps, events + batch
        if turn == 6:
            await chain.move(0, chain.end)
    merged = merge_entries(times, events)
    order = sorted(merged)

    def expected(time: float) -> dict[str, Any] | None:
        at = bisect_right(order, time)
        return {"timestamp": order[at - 1], **merged[order[at - 1]]} if at else None

    asked = [draw.uniform(-30, 150) for _ in range(60)] + draw.sample(order, 20)
    answer = await client.get("/v1/tracks/at", **POSE, times=asked)
    assert answer["entries"] == [expected(time) for time in asked], seed
    start, end, rate = order[3] + 0.05, order[-3], 7.0
    found = await client.get("/v1/tracks/resampled", **POSE, start=start, end=end, rate=rate, columns=["x"])
    grid = [start + at / rate for at in range(found["count"])]
    assert grid[-1] <= end < start + found["count"] / rate
    held = [expected(time) for time in grid]
    assert found["entries"] == [
        {"timestamp": time} | ({"x": one["x"]} if one and "x" in one else {})
        for time, one in zip(grid, held, strict=True)
    ], seed
    whole = await client.get("/v1/tracks/resampled", **POSE, rate=1.0)
    assert whole["entries"][0] == expected(order[0])


async def test_what_can_not_be_asked_is_refused_and_what_is_not_there_is_nothing(world: World, client: Client) -> None:
    assert (await client.get("/v1/tracks/at", **POSE, times=[1.0, 2.0]))["entries"] == [None, None]
    assert (await client.get("/v1/tracks/resampled", **POSE, rate=1.0)) == {"entries": [], "count": 0}
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": 1}, {"x": 2}], times=[0.0, 1e9])
    for rate in (1e6, 1e308):
        assert (await client.problem("/v1/tracks/resampled", 422, **POSE, rate=rate))["type"] == "answer-too-large"
    for wrong in ({"rate": 0}, {"rate": -1}, {"rate": 1, "start": "nan"}):
        assert (await client.problem("/v1/tracks/resampled", 400, **POSE, **wrong))["type"] == "wrong-parameter"
    assert (await client.problem("/v1/tracks/at", 400, **POSE, times=["nan"]))["parameter"] == "times"


async def test_a_broken_chunk_is_told_with_its_range_and_every_other_time_still_answers(
    world: World, client: Client
) -> None:
    """Gone, or with other bytes than were put: nothing is invented for it, neither at a time nor at a rate."""
    chain = await Chain(world, "tracks", "pose").begin()
    for k in range(3):
        for first in range(k * 10_000, (k + 1) * 10_000, 5_000):
            times = [float(at) for at in range(first, first + 5_000)]
            await chain.append([{"x": at} for at in times], times=times)
        await chain.move(k, chain.end)
    (key,) = [one.key async for one in world.objects.list() if "/00000001-" in one.key]
    data = bytearray(await world.objects.get(key))
    data[len(data) // 2] ^= 255
    await world.objects.put(key, bytes(data), crc32c(bytes(data)))
    for reason in ("", "the object is not there"):
        asked: dict[str, Any] = {"at": {"times": [5.0, 15_000.5]}, "resampled": {"rate": 1, "start": 9e3, "end": 12e3}}
        for path, query in asked.items():
            problem = await client.problem(f"/v1/tracks/{path}", 500, **POSE, **query)
            told = problem["type"], problem["firstIndex"], problem["endIndex"], problem["key"]
            assert told == ("chunk-damaged", 10_000, 20_000, key)
            assert reason in problem["detail"]
        beside = await client.get("/v1/tracks/at", **POSE, times=[9_999.5, 20_000.0, 99_999.0])
        assert [one["x"] for one in beside["entries"]] == [9_999.0, 20_000.0, 29_999.0]
        held = await client.get("/v1/tracks/resampled", **POSE, rate=2, start=21_000, end=21_001)
        assert [one["x"] for one in held["entries"]] == [21_000.0, 21_000.0, 21_001.0]
        await world.objects.delete([key])
