"""Entries by time: merged field by field in index order, over buckets and chunks."""

from typing import Any

import pytest

from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

POSE: dict[str, Any] = {"prefix": PREFIX, "topic": "robot/pose"}
PATH = "/v1/tracks/entries"


async def track(world: World) -> Chain:
    return await Chain(world, "tracks", "robot/pose").begin()


async def test_entries_of_one_time_are_one_the_later_index_winning(world: World, client: Client) -> None:
    """Also where the later bucket holds the earlier times, and where a value is None."""
    chain = await track(world)
    await chain.append([{"x": 1, "y": 1}, {"x": 2}], times=[5.0, 6.0])
    await chain.append([{"y": 9, "z": None}, {"x": 0}], times=[5.0, 1.0])
    await chain.append([{"y": 10}], times=[6.0])
    assert await client.get(PATH, **POSE) == {
        "entries": [
            {"timestamp": 1.0, "x": 0},
            {"timestamp": 5.0, "x": 1, "y": 9, "z": None},
            {"timestamp": 6.0, "x": 2, "y": 10},
        ],
        "count": 3,
    }


async def test_both_ends_are_inclusive_and_columns_are_these_alone(world: World, client: Client) -> None:
    chain = await track(world)
    for first in range(0, 50, 10):
        rows = range(first, first + 10)
        await chain.append([{"x": row, "$y.z": -row} for row in rows], times=[float(row) for row in rows])
    answer = await client.get(PATH, **POSE, start=8, end=12.0)
    assert [one["timestamp"] for one in answer["entries"]] == [8.0, 9.0, 10.0, 11.0, 12.0]
    answer = await client.get(PATH, **POSE, start=49, columns=["$y.z", "none"])
    assert answer["entries"] == [{"timestamp": 49.0, "$y.z": -49}]
    assert await client.get(PATH, **POSE, start=50) == {"entries": [], "count": 0}


async def test_entries_fold_over_chunks_and_buckets_in_index_order(world: World, client: Client) -> None:
    """A late entry for an old time lies in a later chunk, or still in a bucket."""
    chain = await track(world)
    times = [float(row) for row in range(CHUNK)]
    await chain.append([{"a": row, "b": row} for row in range(CHUNK)], times=times)
    await chain.append([{"b": -row} for row in range(CHUNK)], times=times)
    await chain.append([{"c": 1}, {"a": "late"}], times=[7.0, 8.0])
    want = [
        {"timestamp": 7.0, "a": 7, "b": -7, "c": 1},
        {"timestamp": 8.0, "a": "late", "b": -8},
    ]
    for step in range(3):
        assert (await client.get(PATH, **POSE, start=7, end=8))["entries"] == want
        assert (await client.get(PATH, **POSE, columns="a", end=8, start=8))["entries"] == [
            {"timestamp": 8.0, "a": "late"}
        ]
        listed = await client.get("/v1/tracks", prefix=PREFIX)
        assert [(one["topic"], one["totalEntries"]) for one in listed["tracks"]] == [("robot/pose", CHUNK)]
        if step < 2:
            await chain.move(step, (step + 1) * CHUNK)
    whole = await client.get(PATH, **POSE)
    assert whole["count"] == CHUNK


async def test_a_chunk_that_reaches_beyond_the_cold_end_changes_nothing(world: World, client: Client) -> None:
    """Committed, the cold end not yet advanced: the chain is laid over what the chunk holds already."""
    chain = await track(world)
    await chain.append([{"x": 1}, {"x": 2}], times=[1.0, 2.0])
    await chain.commit(0, 2)
    await chain.append([{"x": 3}], times=[1.0])
    want = [{"timestamp": 1.0, "x": 3}, {"timestamp": 2.0, "x": 2}]
    assert (await client.get(PATH, **POSE))["entries"] == want
    await chain.snapshot()
    await chain.advance(2)
    assert (await client.get(PATH, **POSE))["entries"] == want


async def test_a_page_goes_on_behind_the_last_timestamp(world: World, client: Client) -> None:
    chain = await track(world)
    await chain.append([{"x": row} for row in range(6)], times=[0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    await chain.append([{"y": row} for row in range(3)], times=[2.0, 3.0, 4.0])
    first = await client.get(PATH, **POSE, limit=3)
    assert [one["timestamp"] for one in first["entries"]] == [0.0, 2.0, 3.0]
    assert first["entries"][1] == {"timestamp": 2.0, "x": 1, "y": 0}
    rest = await client.get(PATH, **POSE, start=3.0000000001)
    assert rest["count"] == 4
    assert (await client.get(PATH, **POSE, limit=0))["count"] == 0


async def test_both_zeros_are_one_time_and_a_field_called_timestamp_has_another_name(
    world: World, client: Client
) -> None:
    chain = await track(world)
    await chain.append([{"timestamp": "mine", "x": 1}], times=[-0.0])
    one = (await client.get(PATH, **POSE))["entries"]
    assert one == [{"timestamp": 0.0, "field:timestamp": "mine", "x": 1}]
    assert str(one[0]["timestamp"]) == "0.0"
    await chain.append([{"y": 2}], times=[0.0])
    for columns in (None, ["field:timestamp", "x", "y"]):
        asked = {**POSE, "columns": columns} if columns else POSE
        assert (await client.get(PATH, **asked))["entries"] == [
            {"timestamp": 0.0, "field:timestamp": "mine", "x": 1, "y": 2}
        ]


async def test_what_was_said_of_a_track_stands_in_the_list(world: World, client: Client) -> None:
    chain = await track(world)
    await chain.append([{"b": 1}, {"a": 1}], times=[3.0, 5.0])
    await chain.append([{"b": 1}], times=[5.0])
    (one,) = (await client.get("/v1/tracks", prefix=PREFIX))["tracks"]
    assert one == {
        "trackId": chain.id.hex(),
        "topic": "robot/pose",
        "description": None,
        "tags": [],
        "metadata": None,
        "totalEntries": 2,
        "firstTimestamp": 3.0,
        "lastTimestamp": 5.0,
        "columns": ["b", "a"],
    }


async def test_an_absent_topic_has_no_entries(world: World, client: Client) -> None:
    assert await client.get(PATH, **POSE) == {"entries": [], "count": 0}
    await Chain(world, "tracks", "other").begin()
    assert await client.get(PATH, **POSE) == {"entries": [], "count": 0}
