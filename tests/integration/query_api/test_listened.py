"""Who writes an experiment hears that somebody listens to it, at whatever process of the API, and nobody else does."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from mldash_api.live.listened import kept
from mldash_api.live.listened import listened as listened_file
from tests.integration.ingest_workers.emitting import eventually
from tests.world import World

from .conftest import Client, Running
from .listening import listening
from .test_live_listeners import NAME, OTHER, change, hub_of
from .test_tokens import bearer, token_for
from .writing import PREFIX

pytestmark = pytest.mark.integration

PATH: Final = "/v1/live/listened"
NOBODY: Final[dict[str, Any]] = {"listened": [], "state": ""}


@pytest.fixture(autouse=True)
def who_goes_is_forgotten_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listened_file, "STAYS_S", 0.3)


@pytest.fixture
async def running(world: World) -> AsyncIterator[Running]:
    made = Running(world.api(stop_timeout_s=2.0))
    async with made:
        yield made


async def until_state(asker: Client, heard: list[str], state: str, **query: Any) -> str:
    """By questions that wait; the state in which these are listened to."""
    query = {"prefixes": [PREFIX, OTHER], "wait": 30, **query}
    async with asyncio.timeout(90):
        while (answer := await asker.get(PATH, heard=state, **query))["listened"] != heard:
            state = answer["state"]
    return str(answer["state"])


async def test_a_question_is_answered_when_a_listener_comes_to_another_process_and_when_it_goes(
    world: World, running: Running
) -> None:
    async with Running(world.api(stop_timeout_s=2.0)) as asker:
        assert await asker.get(PATH, prefixes=[PREFIX]) == NOBODY
        waiting = asyncio.create_task(until_state(asker, [PREFIX], ""))
        async with listening(running.api.port, prefix=PREFIX, kind="points") as ear:
            await ear.until("up-to-date")
            state = await waiting
            assert await asker.get(PATH, prefixes=[OTHER]) == NOBODY
            waiting = asyncio.create_task(until_state(asker, [], state))
        assert await waiting == ""


async def test_what_a_page_changes_to_is_what_it_listens_to(client: Client, running: Running) -> None:
    async with listening(running.api.port, id=NAME, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        state = await until_state(client, [PREFIX], "")
        await change(running.api, NAME, prefixes=[OTHER], kinds=["lines"])
        await ear.until("changed")
        await until_state(client, [OTHER], state)


async def test_who_looks_at_a_project_or_at_the_status_of_runs_hurries_nobody(client: Client, running: Running) -> None:
    async with (
        listening(running.api.port, scope="owner") as of_scope,
        listening(running.api.port, prefix=PREFIX, kind="status") as of_status,
        listening(running.api.port, prefix=OTHER, kind=["status", "points"]) as of_points,
    ):
        for ear in (of_scope, of_status, of_points):
            await ear.until("up-to-date")
        await until_state(client, [OTHER], "")


async def test_who_looks_again_and_again_counts_for_a_moment(client: Client, running: Running) -> None:
    here = Client(running.client())
    async with here.http:
        assert await here.get("/v1/live/waiting", prefixes=[PREFIX]) == {"seconds": 3.0}

        async def is_heard() -> bool:
            await here.get("/v1/live/waiting", prefixes=[PREFIX])
            return bool((await client.get(PATH, prefixes=[PREFIX]))["listened"])

        await eventually(is_heard, 90)
        await until_state(client, [], (await client.get(PATH, prefixes=[PREFIX, OTHER]))["state"])


async def test_what_a_killed_process_has_said_counts_no_more_after_its_time(world: World, client: Client) -> None:
    await kept.say(world.mongo, b"gone", [PREFIX], 1)
    await until_state(client, [PREFIX], "")
    await world.mongo.listened.update_one(
        {"_id": b"gone"}, {"$set": {"until": datetime.now(UTC) - timedelta(seconds=1)}}
    )

    async def is_forgotten() -> bool:
        return not (await client.get(PATH, prefixes=[PREFIX]))["listened"]

    await eventually(is_forgotten, 90)


async def test_a_process_that_stops_leaves_nothing_of_those_who_still_listened(world: World) -> None:
    running = Running(world.api(stop_timeout_s=2.0))
    async with running, listening(running.api.port, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")

        async def is_said() -> bool:
            return bool(await world.mongo.listened.count_documents({}) == 1)

        await eventually(is_said, 90)
        running._stop.set()
        await running._task
        assert await world.mongo.listened.count_documents({}) == 0


async def test_only_who_may_write_an_experiment_hears_of_its_listeners(world: World) -> None:
    running = Running(world.api(auth="tokens", stop_timeout_s=2.0))
    reads = bearer(await token_for(world, ("read", "owner")))
    writes = bearer(await token_for(world, ("write", PREFIX), subject="trainer"))
    async with running as api, listening(running.api.port, reads, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        for headers, right in ((reads, "write"), (bearer(await token_for(world, ("admin", "another"))), "write")):
            assert (await api.problem(PATH, 403, headers, prefixes=[PREFIX]))["right"] == right
        both = await api.problem(PATH, 403, writes, prefixes=[PREFIX, OTHER])
        assert PREFIX not in both["detail"]
        assert (await api.problem("/v1/live/waiting", 403, writes, prefixes=[PREFIX, OTHER]))["right"] == "read"

        async def is_heard() -> bool:
            return bool((await api.get(PATH, writes, prefixes=[PREFIX]))["listened"])

        await eventually(is_heard, 90)


async def test_questions_are_capped_and_one_whose_asker_has_gone_leaves_its_place(world: World) -> None:
    running = Running(world.api(live_processes=1, stop_timeout_s=2.0))
    async with running as api, running.client() as http:
        asking = asyncio.create_task(Client(http).raw(PATH, prefixes=[PREFIX], wait=60))

        async def waits() -> bool:
            return bool(hub_of(running.api).listened._questions)

        await eventually(waits, 90)
        refused = await api.raw(PATH, prefixes=[PREFIX])
        assert (refused.status_code, refused.json()["type"]) == (503, "processes-full")
        assert refused.headers["retry-after"] == "60"
        asking.cancel()

        async def has_room() -> bool:
            return (await api.raw(PATH, prefixes=[PREFIX])).status_code == 200

        await eventually(has_room, 90)


async def test_questions_do_not_hold_up_a_stop(world: World) -> None:
    running = Running(world.api(stop_timeout_s=60.0))
    async with running, running.client() as http:
        asking = asyncio.create_task(Client(http).get(PATH, prefixes=[PREFIX], wait=60))

        async def waits() -> bool:
            return bool(hub_of(running.api).listened._questions)

        await eventually(waits, 90)
        hub_of(running.api).close()
        assert await asking == NOBODY


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ({"prefixes": ["owner/project/run"] * 101}, "prefixes"),
        ({"prefixes": ["owner"]}, "prefix"),
        ({"prefixes": [PREFIX], "heard": "x" * 65}, "heard"),
        ({"prefixes": [PREFIX], "wait": "nan"}, "wait"),
    ],
)
async def test_a_question_that_is_none_is_refused_by_name(
    client: Client, query: dict[str, Any], parameter: str
) -> None:
    assert (await client.problem(PATH, 400, **query))["parameter"] == parameter
