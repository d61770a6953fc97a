"""Log lines by place, time, level and text."""

from typing import Any

import pytest

from mldash_api.logs import lines
from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain, Event

pytestmark = pytest.mark.integration

PATH = "/v1/logs/lines"
LEVELS = ["debug", "info", "warn", "error"]


def line(row: int) -> Event:
    made: Event = {"level": LEVELS[row % 4], "message": f"Line {row} ÄÖ"}
    return made if row % 3 else {**made, "metadata": {"row": row}}


async def hundred_lines(world: World) -> Chain:
    chain = await Chain(world, "logs", "").begin()
    for first in range(0, 100, 7):
        rows = range(first, min(100, first + 7))
        await chain.append([line(row) for row in rows], times=[1_000.0 + row for row in rows])
    return chain


async def numbers(client: Client, **query: Any) -> list[int]:
    lines = (await client.get(PATH, prefix=PREFIX, **query))["lines"]
    assert all(one["message"] == f"Line {one['sequenceNumber']} ÄÖ" for one in lines)
    return [one["sequenceNumber"] for one in lines]


async def test_lines_come_by_place_and_by_each_filter_and_by_all_of_them(world: World, client: Client) -> None:
    await hundred_lines(world)
    assert await numbers(client) == list(range(100))
    assert await numbers(client, offset=95) == [95, 96, 97, 98, 99]
    assert await numbers(client, offset=95, limit=2) == [95, 96]
    assert await numbers(client, offset=100) == []
    assert await numbers(client, limit=0) == []
    assert await numbers(client, level="error", limit=3, offset=1) == [7, 11, 15]
    assert await numbers(client, level=["ERROR", "warning"], limit=4) == [2, 3, 6, 7]
    assert await numbers(client, search="LINE 9", limit=3) == [9, 90, 91]
    assert await numbers(client, search="äö", offset=98) == [98, 99]
    assert await numbers(client, start=1_010, end=1_012.0) == [10, 11, 12]
    assert await numbers(client, start=1_090, level="info") == [93, 97]
    assert await numbers(client, level="fatal") == []
    assert await numbers(client, search=".*") == []


async def test_a_line_has_its_number_time_level_message_and_its_metadata_where_there_are_any(
    world: World, client: Client
) -> None:
    await hundred_lines(world)
    assert (await client.get(PATH, prefix=PREFIX, offset=3, limit=2))["lines"] == [
        {
            "sequenceNumber": 3,
            "timestamp": "1970-01-01T00:16:43.000000Z",
            "level": "error",
            "message": "Line 3 ÄÖ",
            "metadata": {"row": 3},
        },
        {
            "sequenceNumber": 4,
            "timestamp": "1970-01-01T00:16:44.000000Z",
            "level": "debug",
            "message": "Line 4 ÄÖ",
        },
    ]


async def test_lines_below_the_floor_are_gone_and_offsets_count_from_it(world: World, client: Client) -> None:
    chain = await hundred_lines(world)
    await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"floor": 49, "cold": 49, "next": 49}})
    await world.mongo.buckets.delete_many({"_id": {"$lt": chain.id + (49).to_bytes(8, "big")}})
    assert (await numbers(client, limit=2), await numbers(client, offset=1, limit=1)) == ([49, 50], [50])
    assert await numbers(client, level="debug", limit=1) == [52]


async def test_another_level_is_refused_with_the_list(client: Client) -> None:
    told = await client.problem(PATH, 400, prefix=PREFIX, level="loud")
    assert told["parameter"] == "level"
    assert "debug, info, warn, error, fatal" in told["detail"]


async def test_lines_that_are_left_are_answered_where_the_floor_rises_under_the_read(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retention takes 49 lines between the look at the floor and the lines: the read counts from the new floor on."""
    chain = await hundred_lines(world)
    read, raised = lines.read_range, list[int]()

    async def raise_the_floor(*arguments: Any) -> Any:
        if not raised:
            raised.append(49)
            await world.mongo.streams.update_one({"_id": chain.id}, {"$set": {"floor": 49, "cold": 49, "next": 49}})
        return await read(*arguments)

    monkeypatch.setattr(lines, "read_range", raise_the_floor)
    assert await numbers(client, offset=2, limit=5) == [51, 52, 53, 54, 55]
