"""Views, files and moments are right at every moment, while the chain grows and its head moves to the cold store.

The last chunk is short and is replaced by a longer one again and again; the object before it is swept at once.
"""

import asyncio
import io
import json
import random
from typing import Any

import pyarrow as pa
import pytest

from mldash_api.charts import planning
from mldash_api.exports import ranges as export
from mldash_api.tracks import windows
from mldash_compactor.chunks import manifest
from mldash_ingest.documents.buckets import CHUNK
from tests.world import World

from .conftest import Client, Patient
from .test_reads_while_things_move import alongside, move_what_is_there
from .writing import PREFIX, Chain, Event

pytestmark = pytest.mark.integration

MOVES = 20
FIRST = 1_000.0
"""The time of index 0, of both kinds; one second an event."""
LOSS: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}
POSE: dict[str, Any] = {"prefix": PREFIX, "topic": "pose"}


@pytest.fixture
def client(client: Client) -> Client:
    """Here things move without a pause, which no compactor does."""
    return Patient(client.http)


class Growing:
    """A chain whose every event follows from its index."""

    def __init__(self, chain: Chain, draw: random.Random) -> None:
        self.chain, self._draw = chain, draw

    async def grow(self) -> None:
        first = self.chain.end
        count = min(self._draw.randint(1, 400), CHUNK - first % CHUNK)
        times = [FIRST + index for index in range(first, first + count)]
        await self.chain.append([event(index) for index in range(first, first + count)], times=times)

    async def move(self) -> None:
        world, stream = self.chain.world, self.chain.id
        before = {one.k: one.live for one in await manifest.live_chunks(world.mongo, stream, 0)}
        await move_what_is_there(self.chain)
        for one in await manifest.live_chunks(world.mongo, stream, 0):
            old = before.get(one.k)
            if old is not None and one.live is not None and old.key != one.live.key:
                await world.objects.delete([old.key])


def event(index: int) -> Event:
    return {"n": index, "loss": index / 3}


async def test_views_and_files_of_points_are_right_at_every_moment(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "EXPORT_PIECE_POINTS", 1_500)
    monkeypatch.setattr(planning, "VIEW_PIECE_POINTS", 1_500)
    seed = random.randrange(2**32)
    draw, turns, turned = random.Random(seed), 0, asyncio.Event()
    growing = Growing(await Chain(world).begin(), random.Random(seed + 1))

    async def files() -> None:
        before = growing.chain.end
        first = draw.randint(0, before)
        answer = await client.raw("/v1/metrics/export", **LOSS, format="arrow", start_index=first)
        table = pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()
        indices = table.column("index").to_pylist()
        assert indices == list(range(first, first + table.num_rows)), seed
        assert first + table.num_rows >= before, seed
        assert table.column("n").to_pylist() == indices, seed
        lines = (await client.raw("/v1/metrics/export", **LOSS, format="jsonl", fields="n")).content.splitlines()
        assert [json.loads(line)["data"]["n"] for line in lines] == list(range(len(lines))), seed

    async def charts() -> None:
        nonlocal turns
        before, x = growing.chain.end, draw.choice(["index", "time", "n"])
        low = draw.randint(0, before - 1)
        start = low + (FIRST if x == "time" else 0)
        points = draw.choice([3, 20, 1_000])
        view = await client.get("/v1/metrics/view", **LOSS, fields="loss", x=x, start=start, points=points)
        check(view, low, before, FIRST if x == "time" else 0.0)
        even = draw.choice([f"n >= {low}", f"loss >= {low / 3!r}"])
        chosen = await client.get("/v1/metrics/view", **LOSS, fields="loss", x="index", filter=even, points=points)
        check(chosen, low, before, 0.0)
        turns += 1
        if turns > 1:
            turned.set()

    def check(view: Any, low: int, before: int, offset: float) -> None:
        """All points from `low` on, and of those that came meanwhile a whole beginning."""
        end = low + view["totalPoints"]
        assert end >= before, seed
        assert (view["start"], view["end"]) == (low + offset, end - 1 + offset), seed
        xs, ys = view["fields"]["loss"]["x"], view["fields"]["loss"]["y"]
        assert ys == [(x - offset) / 3 for x in xs], seed
        assert (xs[0], xs[-1]) == (low + offset, end - 1 + offset), seed

    await growing.grow()
    async with alongside(growing.grow, files, charts):
        for _ in range(MOVES):
            await growing.move()
        await turned.wait()  # on a slow machine the second comes when nothing moves any more


async def test_files_and_moments_of_a_track_are_right_at_every_moment(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW_ROWS", 1_500)
    seed = random.randrange(2**32)
    draw, turns, turned = random.Random(seed), 0, asyncio.Event()
    growing = Growing(await Chain(world, "tracks", "pose").begin(), random.Random(seed + 1))

    async def files() -> None:
        before = growing.chain.end
        first = draw.randint(0, before - 1)
        answer = await client.raw("/v1/tracks/export", **POSE, format="jsonl", start=FIRST + first)
        found = [json.loads(line) for line in answer.content.splitlines()]
        end = first + len(found)
        assert found == [{"timestamp": FIRST + index, **event(index)} for index in range(first, end)], seed
        assert end >= before, seed

    async def moments() -> None:
        nonlocal turns
        before = growing.chain.end
        asked = [draw.randint(0, before - 1) for _ in range(5)]
        found = await client.get("/v1/tracks/at", **POSE, times=[FIRST + index + 0.5 for index in asked])
        assert found["entries"] == [{"timestamp": FIRST + index, **event(index)} for index in asked], seed
        low, high = FIRST + min(asked), FIRST + max(asked)
        held = await client.get("/v1/tracks/resampled", **POSE, rate=0.5, start=low, end=high, columns=["n"])
        assert [one["n"] for one in held["entries"]] == list(range(min(asked), max(asked) + 1, 2)), seed
        turns += 1
        if turns > 1:
            turned.set()

    await growing.grow()
    async with alongside(growing.grow, files, moments):
        for _ in range(MOVES):
            await growing.move()
        await turned.wait()  # on a slow machine the second comes when nothing moves any more
