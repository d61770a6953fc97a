"""Entries at given times: the last one at or before, over chunks and buckets whose times overlap as they will."""

import io
import random
from bisect import bisect_right
from typing import Any

import pyarrow.parquet as pq
import pytest

from mldash.producer.answers.mcap import MAGIC
from mldash.producer.events.merging import merge_entries
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
    assert (await client.problem("/v1/tracks/resampled", 422, **POSE, rate=1e6))["type"] == "answer-too-large"
    for wrong in ({"rate": 0}, {"rate": -1}, {"rate": 1, "start": "nan"}):
        assert (await client.problem("/v1/tracks/resampled", 400, **POSE, **wrong))["type"] == "wrong-parameter"
    assert (await client.problem("/v1/tracks/at", 400, **POSE, times=["nan"]))["parameter"] == "times"


async def test_entries_come_as_files_too(world: World, client: Client) -> None:
    """What they hold is what the SDK's own formats hold; mcap has its magic at both ends."""
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": 1.5}, {"y": "left"}], times=[1.0, 2.0])
    asked: dict[str, Any] = {**POSE, "start": 1.0}
    lines = (await client.raw("/v1/tracks/export", **asked, format="jsonl")).content
    assert lines == b'{"timestamp":1.0,"x":1.5}\n{"timestamp":2.0,"y":"left"}\n'
    table = pq.read_table(io.BytesIO((await client.raw("/v1/tracks/export", **asked, format="parquet")).content))
    assert table.to_pydict() == {"timestamp": [1.0, 2.0], "x": [1.5, None], "y": [None, "left"]}
    frames = (await client.raw("/v1/tracks/export", **asked, format="mocap")).json()
    assert (frames["metadata"]["frameCount"], frames["channels"]) == (2, ["x", "y"])
    data = (await client.raw("/v1/tracks/export", **asked, format="mcap")).content
    assert data.startswith(MAGIC)
    assert data.endswith(MAGIC)
    empty = await client.raw("/v1/tracks/export", prefix="nobody/ever", topic="pose", format="jsonl")
    assert empty.content == b""
