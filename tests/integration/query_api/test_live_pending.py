"""Events that Kafka has acknowledged and no worker has stored: told by name, replaced by name, once each."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from mldash.events.encoding import encode_record
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Columns, Record, Rows
from tests.integration.ingest_workers.emitting import PREFIX, Emitter, emitting, eventually, points, stored, working
from tests.stack import StackAddresses
from tests.world import World, prepared

from .conftest import Running
from .listening import Ear, Heard, indices_of, listening
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

SESSION = b"s" * 16
ASKED: dict[str, Any] = {"prefix": PREFIX, "kind": "points", "pending": "true"}

Name = tuple[str, int]


@pytest.fixture
async def world(stack: StackAddresses) -> AsyncIterator[World]:
    """With topics, and no worker until a test begins one."""
    async with prepared(stack) as made:
        yield made


def names(blocks: Iterable[dict[str, Any]]) -> list[Name]:
    return [(one["session"], one["firstSeq"] + at) for one in blocks for at in range(one["count"])]


def all_names(count: int, session: bytes = SESSION) -> list[Name]:
    return [(session.hex(), seq) for seq in range(count)]


def added(heard: Iterable[Heard]) -> list[Name]:
    return names(block for one in heard if one.name == "pending" for block in one.data["added"])


def gone(heard: Iterable[Heard]) -> list[Name]:
    return names(block for one in heard if one.name == "pending" for block in one.data["gone"])


def stored_names(heard: Iterable[Heard]) -> list[Name]:
    return names(source for one in heard if one.name == "points" for block in one.data for source in block["sources"])


async def until_added(ear: Ear, count: int) -> None:
    while len(added(ear.heard)) < count:
        await ear.until("pending")


async def emit(emitter: Emitter, first: int, records: int) -> None:
    for at in range(first, first + records):
        await emitter.send(SESSION, at * 10, points(SESSION, at * 10, 10))


async def test_pending_events_are_replaced_by_their_stored_ones_by_name_once_also_over_a_restart(world: World) -> None:
    """No worker runs; the API ends and comes back; then a worker stores what is there, and a listener that comes back
    with its id from before misses nothing. A record is on the topic twice: its events are told once."""
    async with emitting(world) as emitter:
        async with Running(world.api(stop_timeout_s=2.0)) as client:
            port = client.http.base_url.port
            assert port is not None
            async with listening(port, **ASKED) as ear:
                before = await ear.until("up-to-date")
                await emit(emitter, 0, 2)
                await emit(emitter, 1, 1)
                await emit(emitter, 2, 1)
                await until_added(ear, 30)
                assert added(ear.heard) == all_names(30)
                first = next(one.data for one in ear.heard if one.name == "pending" and one.data["on"])
                assert (first["whole"], first["on"], first["reason"], first["full"]) == (True, True, None, False)
                (event, *_) = next(block for one in ear.heard if one.name == "pending" for block in one.data["added"])[
                    "events"
                ]
                assert event == {
                    "seq": 0,
                    "time": "1970-01-01T00:16:40.000000Z",
                    "data": {"session": "c3Nzc3Nzc3Nzc3Nzc3Nzcw==", "seq": 0},
                }
        async with Running(world.api(stop_timeout_s=2.0)) as client:
            port = client.http.base_url.port
            assert port is not None
            async with listening(port, after=before.id, **ASKED) as ear:
                await until_added(ear, 30)
                assert added(ear.heard) == all_names(30)
                assert indices_of(ear.heard) == [] and gone(ear.heard) == []
                async with working(world.worker()):
                    while len(indices_of(ear.heard)) < 30 or len(gone(ear.heard)) < 30:
                        await ear.next()
                assert indices_of(ear.heard) == [*range(30)]
                assert stored_names(ear.heard) == all_names(30)
                assert sorted(gone(ear.heard)) == all_names(30)
                assert added(ear.heard) == all_names(30)


async def test_what_a_worker_sets_aside_is_withdrawn_and_never_told_as_stored(world: World) -> None:
    """What no worker stores is not told, and counts for no seq: no record, a row with a value too many, a block that
    claims events; what would open more holes than a session may have is a dead letter."""
    async with (
        Running(world.api(stop_timeout_s=2.0)) as client,
        emitting(world) as emitter,
    ):
        port = client.http.base_url.port
        assert port is not None
        async with listening(port, **ASKED) as ear:
            await ear.until("up-to-date")
            await emitter.send_bytes(b"no record")
            await emitter.send(SESSION, 0, Rows(["x"], [1.0], [[1, 2]]))
            await emitter.send(SESSION, 0, Columns(["x"], 1_000, b"", []))
            for at in range(0, 200, 2):
                await emitter.send(SESSION, at, points(SESSION, at, 1))
            await until_added(ear, 100)
            async with working(world.worker()):
                while len(gone(ear.heard)) < 100:
                    await ear.next()
                there = await stored(world)
                while len(stored_names(ear.heard)) < len(there):
                    await ear.until("points")
            assert len(there) < 100
            assert sorted(stored_names(ear.heard)) == sorted((session.hex(), seq) for session, seq in there)
            assert len(gone(ear.heard)) == len({*gone(ear.heard)}) == 100


async def test_only_who_may_read_an_experiment_is_told_what_is_pending_of_it(world: World) -> None:
    async with Running(world.api(stop_timeout_s=2.0, auth="tokens")) as client, emitting(world) as emitter:
        port = client.http.base_url.port
        assert port is not None
        mine = bearer(await token_for(world, ("read", "owner"), subject="ada"))
        theirs = bearer(await token_for(world, ("read", "another"), subject="bob"))
        await client.problem("/v1/live", 403, theirs, **ASKED)
        asked = {**ASKED, "prefix": []}
        async with (
            listening(port, mine, scope="owner", **asked) as hears,
            listening(port, theirs, scope="another", **asked) as hears_not,
        ):
            for ear in (hears, hears_not):
                await ear.until_true(lambda heard: heard.name == "pending" and heard.data["on"])
            await emit(emitter, 0, 1)
            other = b"o" * 16
            theirs_alone = Record(
                prefix="another/project/run",
                kind="metrics",
                name="loss",
                session=other,
                first_seq=0,
                logged_at=1_000.0,
                blocks=[points(other, 0, 10)],
            )
            # Behind the first one, in its partition.
            await emitter.send_bytes(
                encode_record(theirs_alone), key=stream_key(experiment_id(theirs_alone.prefix), "metrics", "loss")
            )
            await until_added(hears, 10)
            await until_added(hears_not, 10)
            assert added(hears.heard) == all_names(10)
            assert added(hears_not.heard) == all_names(10, other)


async def test_too_many_partitions_are_not_read_and_a_listener_that_goes_frees_them(world: World) -> None:
    async with Running(world.api(stop_timeout_s=2.0, live_pending_partitions=0)) as client:
        port = client.http.base_url.port
        assert port is not None
        async with listening(port, **ASKED) as ear:
            told = (await ear.until_true(lambda heard: "too-many-partitions" in str(heard.data))).data
            assert told == {
                "whole": True,
                "on": False,
                "reason": "too-many-partitions",
                "full": False,
                "gone": [],
                "added": [],
            }
    running = Running(world.api(stop_timeout_s=2.0))
    async with running, emitting(world) as emitter:
        assert running.api.live is not None
        pending = running.api.live.hub.pending
        pending.linger_s = 0.0
        async with listening(running.api.port, **ASKED) as ear:
            await emit(emitter, 0, 1)
            await until_added(ear, 10)
            assert pending.is_following and pending.waiting.parts

        async def is_free() -> bool:
            return not pending.is_following and not pending.waiting.parts

        await eventually(is_free)


async def test_who_polls_is_told_what_came_between_two_pages_and_never_as_pending_what_it_has_stored(
    world: World,
) -> None:
    """Each page is a listener of its own that goes at once; what it asked for is held while nobody listens. That ends
    with the API."""
    running = Running(world.api(stop_timeout_s=2.0))
    async with running as client, emitting(world) as emitter:
        assert running.api.live is not None
        hub = running.api.live.hub
        hub.pending.linger_s = 600.0
        after, told = dict[str, str](), list[Name]()

        async def page() -> list[Heard]:
            found = (await client.raw("/v1/live/page", **ASKED, wait=0, **after)).json()
            after["after"] = found["next"]
            heard = [Heard(one["event"], one["id"], one["data"]) for one in found["events"]]
            for at, one in enumerate(heard):
                told.extend(stored_names([one]))
                assert {*told}.isdisjoint(added(heard[at : at + 1]))
            return heard

        async def is_held() -> bool:
            return not hub.listeners and bool(hub.pending.waiting.parts)

        async def hears_ten() -> bool:
            return added(await page()) == all_names(10)

        async def hears_all_stored() -> bool:
            await page()
            return len(told) >= 10

        async def hears_of_none() -> bool:
            return any(one.name == "pending" and not one.data["added"] for one in await page())

        await page()
        await emit(emitter, 0, 1)
        await eventually(is_held)
        await eventually(hears_ten)
        async with working(world.worker()):
            await eventually(hears_all_stored)
        await eventually(hears_of_none)
        assert told == all_names(10)


async def test_what_is_more_than_may_be_held_waits_on_kafka_and_is_told_when_the_rest_is_stored(world: World) -> None:
    async with (
        Running(world.api(stop_timeout_s=2.0, live_pending_bytes=1_000)) as client,
        emitting(world) as emitter,
    ):
        port = client.http.base_url.port
        assert port is not None
        async with listening(port, **ASKED) as ear:
            await ear.until_true(lambda heard: heard.name == "pending" and heard.data["on"])
            await emit(emitter, 0, 2)
            await ear.until_true(lambda heard: heard.name == "pending" and heard.data["full"])
            held = added(ear.heard)
            await emit(emitter, 2, 20)
            async with working(world.worker()):
                while len(indices_of(ear.heard)) < 220 or sorted(gone(ear.heard)) != sorted(added(ear.heard)):
                    await ear.next()
                assert stored_names(ear.heard) == all_names(220)
                while [one.data["full"] for one in ear.heard if one.name == "pending"][-1]:
                    await ear.until("pending")
            assert held and {*held} <= {*gone(ear.heard)}
