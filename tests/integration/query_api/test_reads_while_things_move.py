"""A reader that never pauses, while the chain grows and its head moves to the cold store under it."""

import asyncio
import base64
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from mldash_api.experiments import own_writes
from mldash_api.seam import chain_ends, hot, snapshots
from mldash_compactor.chunks import manifest
from mldash_ingest.documents.buckets import CHUNK, Source
from tests.world import World

from .conftest import Client, Patient
from .writing import PREFIX, Chain, numbered

pytestmark = pytest.mark.integration

MOVES = 25
LOSS: dict[str, Any] = {"prefix": PREFIX, "name": "loss"}


@pytest.fixture
def client(client: Client) -> Client:
    """Here things move without a pause, which no compactor does."""
    return Patient(client.http)


@asynccontextmanager
async def alongside(*loops: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Each of these again and again; what one raises ends the test."""

    async def again(step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await step()

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(again(step)) for step in loops]
        yield
        for task in tasks:
            task.cancel()


async def move_what_is_there(chain: Chain) -> None:
    """A short last chunk that grows, until its range is full and the next one begins."""
    document = await chain.world.mongo.streams.find_one({"_id": chain.id})
    assert document is not None
    k = document["cold"] // CHUNK
    await chain.move(k, min(chain.end, (k + 1) * CHUNK))


async def test_points_are_dense_and_exact_at_every_moment(world: World, client: Client) -> None:
    chain, seed = await Chain(world).begin(), random.randrange(2**32)
    draw, ends = random.Random(seed), [0]

    async def grow() -> None:
        count = min(draw.randint(1, 400), CHUNK - chain.end % CHUNK)
        await chain.append(numbered(chain.end, count))

    async def read() -> None:
        end_before = chain.end
        start, limit = draw.randint(0, end_before), draw.choice([1, 50, 5_000])
        query: dict[str, Any] = {"prefix": PREFIX, "name": "loss", "start_index": start, "limit": limit}
        page = await client.get("/v1/metrics/points", **query)
        first_missing = start + len(page["data"])
        assert [(one["index"], one["data"]["n"]) for one in page["data"]] == [
            (index, index) for index in range(start, first_missing)
        ], seed
        assert first_missing >= min(start + limit, end_before), seed
        assert page["hasMore"] or first_missing >= end_before, seed
        told = await client.get("/v1/metrics/stats", prefix=PREFIX, name="loss")
        assert ends[-1] <= told["totalDataPoints"] == told["fields"].get("n", {"count": 0})["count"], seed
        ends.append(told["totalDataPoints"])

    await grow()
    async with alongside(grow, read):
        for _ in range(MOVES):
            await move_what_is_there(chain)
    assert len(ends) > 1


async def test_entries_are_the_fold_of_what_was_appended_at_every_moment(world: World, client: Client) -> None:
    """Every entry's last value rises by one with each bucket: one that falls back, or is gone, is an event missed."""
    chain = await Chain(world, "tracks", "pose").begin()
    times, seen, turn = [float(row) for row in range(20)], [0] * 20, 0

    async def grow() -> None:
        nonlocal turn
        if CHUNK - chain.end % CHUNK >= len(times):
            await chain.append([{"turn": turn + 1}] * len(times), times=times)
            turn += 1

    async def read() -> None:
        before = turn
        answer = await client.get("/v1/tracks/entries", prefix=PREFIX, topic="pose")
        found = [one["turn"] for one in answer["entries"]]
        assert len(set(found)) == 1, "all entries are of one bucket"
        assert found[0] >= max(before, seen[0])
        seen[:] = found
        (listed,) = (await client.get("/v1/tracks", prefix=PREFIX))["tracks"]
        assert listed["totalEntries"] == len(times)

    await grow()
    async with alongside(grow, read):
        for _ in range(MOVES):
            await move_what_is_there(chain)


def once_after(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, then: Callable[[], Awaitable[None]]) -> None:
    """The first call of this step of a read is followed by `then`."""
    real, done = getattr(module, name), False

    async def followed(*arguments: Any, **more: Any) -> Any:
        nonlocal done
        answer = await real(*arguments, **more)
        if not done:
            done = True
            await then()
        return answer

    monkeypatch.setattr(module, name, followed)


async def test_points_that_move_away_behind_the_first_look_are_read_anew(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 100))

    async def move() -> None:
        await chain.move(0, 100)

    once_after(monkeypatch, hot, "find_seam", move)
    page = await client.get("/v1/metrics/points", **LOSS, start_index=10)
    assert [one["data"]["n"] for one in page["data"]] == list(range(10, 100))


async def test_entries_that_move_away_behind_the_first_look_are_read_anew(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": 1}, {"x": 2}], times=[1.0, 2.0])

    async def move() -> None:
        await chain.move(0, 2)

    once_after(monkeypatch, hot, "find_seam", move)
    answer = await client.get("/v1/tracks/entries", prefix=PREFIX, topic="pose")
    assert answer["entries"] == [{"timestamp": 1.0, "x": 1}, {"timestamp": 2.0, "x": 2}]


async def test_entries_that_come_behind_the_fixed_end_are_of_the_next_read(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = await Chain(world, "tracks", "pose").begin()
    await chain.append([{"x": 1}], times=[1.0])

    async def append() -> None:
        await chain.append([{"x": 2}], times=[1.0])

    once_after(monkeypatch, hot, "chain_end", append)
    for want in (1, 2):
        answer = await client.get("/v1/tracks/entries", prefix=PREFIX, topic="pose")
        assert answer["entries"] == [{"timestamp": 1.0, "x": want}]


@pytest.mark.parametrize("what", ["stats", "list", "own writes"])
async def test_a_walk_that_met_garbage_of_a_late_insert_is_walked_anew(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Between the snapshot's read and the walk the range moves to the cold store, and a worker that slept inserts a
    bucket of its own at a place that is free again: its events are stored nowhere, and counted by nobody."""
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 100))
    lost = b"z" * 16

    async def move_and_leave_garbage() -> None:
        await chain.move(0, 100)
        await chain.put(chain.bucket(0, numbered(0, 150), None, [Source(lost, 0, 150)]))

    module, step = {
        "stats": (snapshots, "_documents"),
        "list": (chain_ends, "starts_of"),
        "own writes": (own_writes, "_at_snapshot"),
    }[what]
    once_after(monkeypatch, module, step, move_and_leave_garbage)
    if what == "stats":
        told = await client.get("/v1/metrics/stats", **LOSS)
        assert (told["totalDataPoints"], told["fields"]["n"]["count"]) == (100, 100)
    elif what == "list":
        (one,) = (await client.get("/v1/metrics", prefix=PREFIX))["metrics"]
        assert one["totalDataPoints"] == 100
    else:
        text = base64.urlsafe_b64encode(msgspec.msgpack.encode([("metrics", "loss", lost, 150)])).decode()
        headers = {"Mldash-Written": text, "Mldash-Wait": "0"}
        told = await client.problem("/v1/metrics/points", 504, headers, **LOSS)
        assert told["missing"] == [["metrics", "loss", 150]]


async def test_an_object_that_was_replaced_while_it_was_read_is_read_anew(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chunk grew and the sweep took its old object between the manifest and the fetch."""
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 100))
    live = await chain.move(0, 100)
    await chain.append(numbered(100, 100))
    real = manifest.live_chunks

    async def then_moves(*arguments: object, **more: object) -> list[manifest.Chunk]:
        found = await real(*arguments, **more)  # type: ignore[arg-type]
        if found[0].live == live:
            await chain.move(0, 200)
            await world.objects.delete([live.key])
        return found

    monkeypatch.setattr(manifest, "live_chunks", then_moves)
    page = await client.get("/v1/metrics/points", **LOSS)
    assert [one["data"]["n"] for one in page["data"]] == list(range(200))
