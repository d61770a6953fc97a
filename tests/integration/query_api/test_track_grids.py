"""A track on pixel columns: over chunks and buckets whose times overlap as they will, the same as of a plain fold."""

import math
import random
from typing import Any

import pytest

from mldash.answers.pixel_columns import Span
from mldash.answers.rows import with_strings
from mldash.events.merging import merge_entries
from mldash_api.charts.cells import STATISTICS
from mldash_api.charts.tracks.asking import AskedTrackGrid
from mldash_api.charts.tracks.numbers import pieces_of
from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .conftest import Client
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

PATH = "/v1/tracks/grid"
POSE: dict[str, Any] = {"prefix": PREFIX, "topic": "pose", "nonfinite": "string"}


async def test_a_grid_is_that_of_all_entries_wherever_they_lie(world: World, client: Client) -> None:
    """Buckets in any order of time, half of them cold: each part of the track is compared with a plain fold."""
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    chain = await Chain(world, "tracks", "pose").begin()
    times, events = list[float](), list[dict[str, Any]]()
    for turn in range(12):
        centre = draw.choice([turn * 10.0, draw.uniform(0, 120)])
        stamps = [round(centre + draw.uniform(-8, 8), 1) for _ in range(30)]
        batch = [draw.choice([_vector, _scalar, _none])(draw) for _ in stamps]
        await chain.append(batch, times=stamps)
        times, events = times + stamps, events + batch
        if turn == 6:
            await chain.move(0, chain.end)
    merged = merge_entries(times, events)
    entries = [{"timestamp": time, **merged[time]} for time in sorted(merged)]
    for _ in range(8):
        start, end = draw.choice([(None, None), (draw.uniform(-10, 60), None), (20.0, draw.uniform(20, 150))])
        asked = AskedTrackGrid(["x", "q"], start, end, draw.choice([1, 7, 60, 1_000]), STATISTICS, draw.random() < 0.7)
        bounds = {name: value for name, value in (("start", start), ("end", end)) if value is not None}
        query = {**POSE, **bounds, "columns": ["x", "q"], "statistics": list(STATISTICS)}
        found = await client.get(PATH, **query, points=asked.columns, with_path=asked.has_path)
        assert with_strings(found) == with_strings(_plain(entries, asked)), (seed, asked)


async def test_a_long_track_is_read_from_its_chunks(world: World, client: Client) -> None:
    """In time order: numbers are taken as they are packed, of fixed vectors and of fields that come and go too."""
    chain, count = await Chain(world, "tracks", "pose").begin(), 2 * CHUNK + 500
    for first in range(0, count, CHUNK):
        rows = range(first, min(count, first + CHUNK))
        batch = [{"q": [row, -row / 2]} | ({"x": math.sin(row)} if row % 3 else {}) for row in rows]
        await chain.append(batch, times=[row / 10 for row in rows])
    await chain.move(0, 2 * CHUNK)
    entries: list[dict[str, Any]] = [
        {"timestamp": row / 10, "q": [row, -row / 2]} | ({"x": math.sin(row)} if row % 3 else {})
        for row in range(count)
    ]
    for start, end in ((None, None), (5.05, 1_999.9)):
        asked = AskedTrackGrid(["x", "q"], start, end, 300, STATISTICS, True)
        bounds = {} if start is None else {"start": start, "end": end}
        query = {**POSE, **bounds, "columns": ["x", "q"], "statistics": list(STATISTICS)}
        found = await client.get(PATH, **query, points=300, with_path=True)
        within = [one for one in entries if start is None or end is None or start <= one["timestamp"] <= end]
        assert found["totalEntries"] == len(within)
        assert found["series"][-1]["statistics"]["greatest"][-1] == max(one["x"] for one in within[-68:] if "x" in one)
        assert len(found["path"]["timestamps"]) <= 300 * (2 + 3 * 3)
        assert with_strings(found) == with_strings(_plain(entries, asked))


async def test_what_can_not_be_asked_is_refused_and_what_is_not_there_is_nothing(world: World, client: Client) -> None:
    nothing = {"edges": [], "fine": True, "entries": [], "totalEntries": 0, "series": [], "path": None}
    assert await client.get(PATH, **POSE, columns=["x"]) == nothing
    chain = await Chain(world, "tracks", "pose").begin()
    assert await client.get(PATH, **POSE, columns=["x"]) == nothing
    await chain.append([{"x": 1}], times=[5.0])
    assert await client.get(PATH, **POSE, columns=["x"], start=6.0) == nothing
    found = await client.get(PATH, **POSE, columns=["$y"], with_path=True)
    assert (found["entries"], found["series"], found["path"]["timestamps"]) == ([1], [], [])
    for wrong in (
        {"columns": [f"x{at}" for at in range(11)]},
        {"columns": ["x"], "points": 0},
        {"columns": ["x"], "start": "nan"},
        {"columns": ["x"], "start": 2, "end": 1},
        {},
    ):
        assert (await client.problem(PATH, 400, **POSE, **wrong))["type"] == "wrong-parameter", wrong


def _plain(entries: list[dict[str, Any]], asked: AskedTrackGrid) -> Any:
    """Of all entries at once."""
    span = asked.span(entries[0]["timestamp"], entries[-1]["timestamp"])
    assert span is not None
    cells = asked.cells(Span(*span))
    within = [one for one in entries if span.low <= one["timestamp"] <= span.high]
    for piece in pieces_of(within, asked.fields):
        cells.add(piece)
    return cells.answer(asked.statistics)


def _vector(draw: random.Random) -> dict[str, Any]:
    return {"q": [draw.uniform(-1, 1) for _ in range(draw.choice([2, 2, 3]))]}


def _scalar(draw: random.Random) -> dict[str, Any]:
    return {"x": draw.choice([draw.randint(-5, 5), draw.uniform(-5, 5), math.inf, math.nan, None, "text"])}


def _none(draw: random.Random) -> dict[str, Any]:
    return {"other": draw.random()}
