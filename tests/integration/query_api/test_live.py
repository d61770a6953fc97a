"""The live stream: what a listener is told, in which order, and where it goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mldash.events.schema import End, RunEvents, Start
from mldash_api.app import Api
from mldash_api.live import positions
from tests.world import World

from .conftest import Client, Running
from .listening import indices_of, listening
from .writing import PREFIX, Chain, numbered

pytestmark = pytest.mark.integration

FROM_START: dict[str, Any] = {"from": "start"}


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        yield running.api


async def test_a_listener_from_the_start_is_told_every_event_once_and_goes_on_with_what_comes(
    world: World, api: Api
) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 700))
    await chain.append(numbered(700, 800))
    async with listening(api.port, prefix=PREFIX, **FROM_START) as ear:
        await ear.until("up-to-date")
        assert indices_of(ear.heard) == [*range(1_500)]
        await chain.append(numbered(1_500, 3))
        (block,) = (await ear.until("points")).data
        assert (block["prefix"], block["name"], block["firstIndex"]) == (PREFIX, "loss", 1_500)
        assert [one["index"] for one in block["points"]] == [1_500, 1_501, 1_502]
        assert [one["data"] for one in block["points"]] == numbered(1_500, 3)
        assert block["points"][0]["createdAt"] == "1970-01-01T00:41:40.000000Z"


async def test_the_answer_is_one_that_browsers_and_proxies_take_as_a_stream(world: World, api: Api) -> None:
    async with listening(api.port, prefix=PREFIX) as ear:
        await ear.until("up-to-date")
        assert ear.retry == "2000"
        headers = ear.answer.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store, no-transform", "no")
        assert "content-encoding" not in headers


async def test_from_now_nothing_of_before_is_told(world: World, api: Api) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 10))
    async with listening(api.port, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        await chain.append(numbered(10, 2))
        await ear.until("points")
        assert indices_of(ear.heard) == [10, 11]


async def test_any_id_goes_on_exactly_behind_its_event_at_another_process_too(world: World, api: Api) -> None:
    """Two metrics in turns; then every id that was told is come back with, by header and in the address."""
    chains = [await Chain(world, name=name).begin() for name in ("loss", "other")]
    async with listening(api.port, prefix=PREFIX, kind="points", **FROM_START) as ear:
        for turn in range(4):
            for chain in chains:
                await chain.append(numbered(turn * 5, 5))
            while len(indices_of(ear.heard)) + len(indices_of(ear.heard, "other")) < (turn + 1) * 10:
                await ear.until("points")
        told = list(ear.heard)
    another = Running(world.api(stop_timeout_s=2.0))
    async with another:
        for at, event in enumerate(told):
            by_header = {"Last-Event-ID": event.id} if at % 2 else None
            query = {} if by_header else {"after": event.id}
            async with listening(another.api.port, by_header, prefix=PREFIX, kind="points", **query) as ear:
                await ear.until("up-to-date")
                for name in ("loss", "other"):
                    assert indices_of([*told[: at + 1], *ear.heard], name) == [*range(20)]


async def test_what_comes_while_a_listener_is_away_is_told_from_its_first_event(world: World, api: Api) -> None:
    """A stream that is new, and an experiment that is new below a scope."""
    await Chain(world).begin()
    asked = {"scope": "owner", "kind": "points"}
    async with listening(api.port, **asked) as ear:
        before = await ear.until("up-to-date")
    await (await Chain(world, name="new").begin()).append(numbered(0, 3))
    await (await Chain(world, name="new", prefix="owner/project/second").begin()).append(numbered(0, 2))
    await (await Chain(world, name="new", prefix="owner2/project/third").begin()).append(numbered(0, 2))
    async with listening(api.port, after=before.id, **asked) as ear:
        await ear.until("up-to-date")
        told = {
            (block["prefix"], len(block["points"])) for one in ear.heard for block in one.data if one.name == "points"
        }
        assert told == {(PREFIX, 3), ("owner/project/second", 2)}


async def test_what_comes_while_it_listens_is_told_from_its_first_event(world: World, api: Api) -> None:
    """An experiment that was not there, a stream of it, and another experiment below a scope."""
    async with listening(api.port, prefix=PREFIX, scope="other/project", kind="points") as ear:
        await ear.until("up-to-date")
        await (await Chain(world).begin()).append(numbered(0, 4))
        await ear.until("points")
        await (await Chain(world, name="second").begin()).append(numbered(0, 3))
        await ear.until("points")
        await (await Chain(world, name="third", prefix="other/project/x").begin()).append(numbered(0, 2))
        await ear.until("points")
        assert [len(indices_of(ear.heard, name)) for name in ("loss", "second", "third")] == [4, 3, 2]


async def test_entries_lines_and_params_are_told_in_the_shapes_of_reads(world: World, api: Api) -> None:
    track = await Chain(world, "tracks", "robot").begin()
    lines, params = await Chain(world, "logs", "").begin(), await Chain(world, "params", "").begin()
    asked = {"prefix": PREFIX, "kind": ["entries", "lines", "params"], "level": "error", **FROM_START}
    async with listening(api.port, **asked) as ear:
        await ear.until("up-to-date")
        await track.append([{"x": 1}, {"y": 2}, {"x": 3}], times=[5.0, 5.0, 6.0])
        (entries,) = (await ear.until("entries")).data
        assert entries == {
            "prefix": PREFIX,
            "topic": "robot",
            "firstIndex": 0,
            "count": 3,
            "entries": [{"timestamp": 5.0, "x": 1, "y": 2}, {"timestamp": 6.0, "x": 3}],
        }
        await lines.append([{"level": "info", "message": "a"}, {"level": "error", "message": "b"}])
        (told,) = (await ear.until("lines")).data
        assert [(one["sequenceNumber"], one["message"]) for one in told["lines"]] == [(1, "b")]
        await params.append([{"lr": 0.1}, {"lr": 0.2, "model.size": 3}])
        (sets,) = (await ear.until("params")).data
        assert sets == {"prefix": PREFIX, "firstIndex": 0, "sets": [{"lr": 0.1}, {"lr": 0.2, "model.size": 3}]}


async def test_status_and_fields_are_told_at_once_and_when_they_change(world: World, api: Api) -> None:
    runs, chain = await Chain(world, "runs", "").begin(), await Chain(world).begin()
    await chain.append([{"loss": 1.0}])
    async with listening(api.port, prefix=PREFIX, kind=["status", "fields"]) as ear:
        await ear.until("up-to-date")
        (status,) = next(one.data for one in ear.heard if one.name == "status")
        assert (status["prefix"], status["experiment"]["status"]) == (PREFIX, "CREATED")
        (fields,) = next(one.data for one in ear.heard if one.name == "fields")
        assert fields == {"prefix": PREFIX, "kind": "metrics", "name": "loss", "fields": ["loss"]}
        await chain.append([{"loss": 2.0, "accuracy": 0.5}])
        assert (await ear.until("fields")).data[0]["fields"] == ["accuracy"]
        await runs.append_runs(RunEvents([Start(time=1_000.0, host="h", pid=1), End(time=1_001.0, status="COMPLETED")]))
        (status,) = (await ear.until("status")).data
        assert (status["experiment"]["status"], status["sessions"]) == ("COMPLETED", {"COMPLETED": 1})


async def test_metrics_are_chosen_by_patterns(world: World, api: Api) -> None:
    for name in ("train/loss", "train/accuracy", "eval/loss", None):
        await (await Chain(world, name=name).begin()).append(numbered(0, 1))
    asked = {"prefix": PREFIX, "kind": "points", "metric": ["train/*", ""], **FROM_START}
    async with listening(api.port, **asked) as ear:
        await ear.until("up-to-date")
        names = {block["name"] for one in ear.heard if one.name == "points" for block in one.data}
        assert names == {"train/loss", "train/accuracy", None}


async def test_what_moves_to_s3_meanwhile_is_told_all_the_same(world: World, api: Api) -> None:
    chain = await Chain(world).begin()
    async with listening(api.port, prefix=PREFIX, kind="points", **FROM_START) as ear:
        first = await ear.until("up-to-date")
        for start in range(0, 12_000, 2_000):
            await chain.append(numbered(start, 2_000))
        await chain.move(0, 10_000)
        while len(indices_of(ear.heard)) < 12_000:
            await ear.until("points")
        assert indices_of(ear.heard) == [*range(12_000)]
    async with listening(api.port, prefix=PREFIX, kind="points", after=first.id) as ear:
        await ear.until("up-to-date")
        assert indices_of(ear.heard) == [*range(12_000)]


async def test_what_retention_took_is_a_gap(world: World, api: Api) -> None:
    chain = await Chain(world).begin(floor=10_000, cold=10_000, next=10_000)
    chain.end = 10_000
    await chain.append(numbered(10_000, 5))
    async with listening(api.port, prefix=PREFIX, kind="points", **FROM_START) as ear:
        await ear.until("up-to-date")
        assert [one.name for one in ear.heard] == ["gap", "points", "up-to-date"]
        expired = {"kind": "metrics", "name": "loss", "from": 0, "to": 10_000, "reason": "expired"}
        assert ear.heard[0].data == [{"prefix": PREFIX, **expired}]
        assert indices_of(ear.heard) == [*range(10_000, 10_005)]


async def test_entries_that_moved_to_s3_are_a_gap_that_says_so(world: World, api: Api) -> None:
    chain = await Chain(world, "tracks", "robot").begin()
    await chain.append([{"x": at} for at in range(10_000)])
    await chain.move(0, 10_000)
    await chain.append([{"x": 1}])
    async with listening(api.port, prefix=PREFIX, kind="entries", **FROM_START) as ear:
        await ear.until("up-to-date")
        assert (ear.heard[0].name, ear.heard[0].data[0]["reason"], ear.heard[0].data[0]["to"]) == (
            "gap",
            "moved",
            10_000,
        )
        assert ear.heard[1].data[0]["firstIndex"] == 10_000


async def test_a_deletion_is_a_gap_and_what_is_made_anew_is_told_from_its_first_event(world: World, api: Api) -> None:
    """While it listens, and while it is away."""
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 5))
    async with listening(api.port, prefix=PREFIX, kind="points", **FROM_START) as ear:
        before = await ear.until("up-to-date")
        again = await Chain(world, generation=1).begin()
        told = await ear.until("gap")
        assert told.data == [{"prefix": PREFIX, "reason": "deleted"}]
        await again.append(numbered(0, 2))
        await ear.until("points")
        assert indices_of(ear.heard) == [0, 1, 2, 3, 4, 0, 1]
        after = ear.heard[-1]
    async with listening(api.port, prefix=PREFIX, kind="points", after=before.id) as ear:
        await ear.until("up-to-date")
        assert [one.name for one in ear.heard] == ["gap", "points", "up-to-date"]
        assert indices_of(ear.heard) == [0, 1]
    async with listening(api.port, prefix=PREFIX, kind="points", after=after.id) as ear:
        await ear.until("up-to-date")
        assert [one.name for one in ear.heard] == ["up-to-date"]


async def test_a_listener_until_the_end_is_closed_then_and_told_to_stop_when_it_comes_back(
    world: World, api: Api
) -> None:
    runs, chain = await Chain(world, "runs", "").begin(), await Chain(world).begin()
    await runs.append_runs(RunEvents([Start(time=1_000.0, host="h", pid=1), End(time=1_001.0, status="COMPLETED")]))
    asked = {"prefix": PREFIX, "until": "end", **FROM_START}
    async with listening(api.port, **asked) as ear:
        await ear.until("up-to-date")
        await chain.append(numbered(0, 2))  # what was logged before the end may be stored after it
        closed = await ear.until("closed")
        assert (closed.data, indices_of(ear.heard)) == ({"reason": "ended"}, [0, 1])
        await ear.end()
    async with listening(api.port, {"Last-Event-ID": closed.id}, **asked) as ear:
        assert ear.answer.status_code == 204


async def test_when_the_api_stops_its_listeners_are_told_and_go_on_at_the_next(world: World) -> None:
    chain = await Chain(world).begin()
    running = Running(world.api(stop_timeout_s=10.0))
    await running.__aenter__()
    async with listening(running.api.port, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        stopping = asyncio.create_task(running.__aexit__())
        closed = await ear.until("closed")
        assert closed.data == {"reason": "stopping"}
        await ear.end()
        async with asyncio.timeout(5):
            await stopping
    await chain.append(numbered(0, 2))
    following = Running(world.api(stop_timeout_s=2.0))
    async with (
        following,
        listening(following.api.port, {"Last-Event-ID": closed.id}, prefix=PREFIX, kind="points") as ear,
    ):
        await ear.until("up-to-date")
        assert indices_of(ear.heard) == [0, 1]


async def test_ids_of_very_many_streams_are_short_and_go_on_all_the_same(
    world: World, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positions that do not fit are kept; where they are forgotten, that is told."""
    monkeypatch.setattr(positions, "MOST_BYTES", 300)
    chains = [await Chain(world, name=f"m{number}").begin() for number in range(60)]
    asked = {"prefix": PREFIX, "kind": "points"}
    async with listening(api.port, **asked, **FROM_START) as ear:
        before = await ear.until("up-to-date")
        for chain in chains:
            await chain.append(numbered(0, 2))
        while sum(len(indices_of(ear.heard, f"m{number}")) for number in range(60)) < 120:
            await ear.until("points")
        assert all(len(one.id) <= 420 for one in ear.heard)
        middle = ear.heard[-2]
    told = ear.heard[: ear.heard.index(middle) + 1]
    async with listening(api.port, after=middle.id, **asked) as ear:
        await ear.until("up-to-date")
        for number in range(60):
            assert indices_of([*told, *ear.heard], f"m{number}") == [0, 1]
    await world.mongo.positions.delete_many({})
    async with listening(api.port, after=before.id, **asked) as ear:
        await ear.until("up-to-date")
        assert [(one.name, one.data) for one in ear.heard[:1]] == [("gap", [{"reason": "forgotten"}])]
        await chains[0].append(numbered(2, 1))
        await ear.until("points")
        assert indices_of(ear.heard, "m0") == [2]


async def test_pages_tell_the_same_events(world: World, client: Client) -> None:
    chain = await Chain(world).begin()
    await chain.append(numbered(0, 1_500))
    first = (await client.raw("/v1/live/page", prefix=PREFIX, **FROM_START)).json()
    blocks = [block for one in first["events"] if one["event"] == "points" for block in one["data"]]
    told = [point["index"] for block in blocks for point in block["points"]]
    assert told == [*range(1_500)]
    empty = (await client.raw("/v1/live/page", prefix=PREFIX, kind="points", after=first["next"])).json()
    assert [one["event"] for one in empty["events"]] == ["up-to-date"]
    waiting = asyncio.create_task(client.raw("/v1/live/page", prefix=PREFIX, after=first["next"], wait=20))
    await asyncio.sleep(0)
    await chain.append(numbered(1_500, 2))
    page = (await waiting).json()
    (points,) = [one for one in page["events"] if one["event"] == "points"]
    assert [one["index"] for one in points["data"][0]["points"]] == [1_500, 1_501]
    assert points["id"] == page["next"] or page["events"][-1]["id"] == page["next"]
    told_wrong = await client.problem("/v1/live/page", 400, prefix=PREFIX, after="AAAA")
    assert told_wrong["parameter"] == "after"
