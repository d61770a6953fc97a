"""A table of runs in the live stream: its rows come, change and go, by the rights of the table's route."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from mldash.events.schema import End, RunEvents, Start
from mldash_api.app import Api
from mldash_api.live.asked import Asked
from mldash_api.live.kept import Page, find_page, put_page
from mldash_api.live.tables.asked import AskedTable
from tests.world import World

from .conftest import Running
from .listening import Ear, listening
from .test_live_listeners import NAME, change
from .test_tokens import bearer, token_for
from .writing import PREFIX, SESSION, Chain

pytestmark = pytest.mark.integration

SECOND = "owner/project/second"
TABLE: dict[str, Any] = {"fields": ["status", "params.lr"], "sort": "-params.lr"}


@pytest.fixture
async def api(world: World) -> AsyncIterator[Api]:
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        yield running.api


async def made(world: World, prefix: str, lr: float) -> Chain:
    """A run with a parameter, as its snapshot says it to the index of runs."""
    params = await Chain(world, "params", "", prefix=prefix).begin()
    await params.append([{"lr": lr}])
    await params.snapshot()
    return params


class Shown:
    """The table as a page keeps it."""

    def __init__(self, ear: Ear) -> None:
        self._ear, self.rows, self.order, self.count = ear, dict[str, Any](), list[str](), 0

    async def until(self, *order: str, **values: Any) -> None:
        """Its rows are these in this order, with these values of the first."""
        while self.order != [*order] or (order and values.items() - self.rows[order[0]].items()):
            told = (await self._ear.until("rows")).data
            if told["whole"]:
                self.rows.clear()
            for prefix in told["gone"]:
                del self.rows[prefix]
            self.rows.update({row["prefix"]: row["values"] for row in told["rows"]})
            self.order = self.order if told["order"] is None else told["order"]
            self.count = told["count"]
            assert sorted(self.rows) == sorted(self.order)


async def test_rows_are_told_whole_at_first_and_then_as_they_come_change_and_go(world: World, api: Api) -> None:
    """Nothing but the table is listened to; the parameters of a run take it out of the filter at last."""
    params = await made(world, PREFIX, 0.1)
    async with listening(api.port, filter="params.lr > 0.01", **TABLE) as ear:
        shown = Shown(ear)
        await shown.until(PREFIX, **{"params.lr": 0.1, "status": "CREATED"})
        await ear.until("up-to-date")
        assert {one.name for one in ear.heard} == {"rows", "up-to-date"}
        await made(world, SECOND, 0.5)
        await shown.until(SECOND, PREFIX, **{"params.lr": 0.5})
        assert shown.count == 2
        runs = await Chain(world, "runs", "", prefix=PREFIX).begin()
        await params.append([{"lr": 0.9}])
        await params.snapshot()
        await shown.until(PREFIX, SECOND, **{"params.lr": 0.9})
        await runs.append_runs(RunEvents([Start(time=1_000.0, host="h", pid=1), End(time=1_001.0, status="COMPLETED")]))
        await params.append([{"lr": 0.001}])
        await params.snapshot()
        await shown.until(SECOND)
        await world.mongo.experiments.delete_one({"_id": Chain(world, prefix=SECOND).experiment})
        await shown.until()
        assert all(one.data["whole"] is (at == 0) for at, one in enumerate(ear.heard) if one.name == "rows")


async def test_who_comes_back_is_told_the_whole_table_and_misses_nothing(world: World, api: Api) -> None:
    await made(world, PREFIX, 0.1)
    async with listening(api.port, prefix=PREFIX, **TABLE) as ear:
        before = await ear.until("up-to-date")
    await made(world, SECOND, 0.5)
    await world.mongo.experiments.delete_one({"_id": Chain(world).experiment})
    async with listening(api.port, prefix=PREFIX, after=before.id, **TABLE) as ear:
        shown = Shown(ear)
        await shown.until(SECOND)
        assert next(one for one in ear.heard if one.name == "rows").data["whole"]


async def test_a_page_changes_its_table_while_it_is_told(world: World, api: Api) -> None:
    await made(world, PREFIX, 0.1)
    await made(world, SECOND, 0.5)
    async with listening(api.port, id=NAME, **TABLE) as ear:
        shown = Shown(ear)
        await shown.until(SECOND, PREFIX)
        table = {"fields": ["params.lr"], "sort": "params.lr", "limit": 1}
        assert (await change(api, NAME, table=table)).status_code == 200
        assert (await ear.until("changed")).data["asked"]["table"] == table
        await shown.until(PREFIX, **{"params.lr": 0.1})
        assert shown.count == 2 and ear.heard[-1].data["whole"]
        assert (await change(api, NAME, table={"fields": ["no field"]})).status_code == 400


async def test_a_page_that_a_process_of_0_1_0_changes_has_no_table_from_then_on(world: World) -> None:
    """As that one writes it: it knows neither the table nor pending events, and leaves them there."""
    mongo, asked = world.mongo, Asked(prefixes=(PREFIX,), table=AskedTable(fields=("params.lr",)), pending=True)
    page = Page(name=NAME, subject="", change=0, asked=asked, start="now")
    assert await put_page(mongo, page) == 1
    assert await find_page(mongo, NAME) == msgspec.structs.replace(page, change=1)
    without = msgspec.structs.replace(asked, table=None, pending=False)
    new = {"asked": msgspec.msgpack.encode(without)}
    await mongo.listeners.update_one({"_id": NAME, "subject": ""}, {"$set": new, "$inc": {"change": 1}})
    assert await find_page(mongo, NAME) == msgspec.structs.replace(page, change=2, asked=without)
    assert await put_page(mongo, page) == 3
    assert await find_page(mongo, NAME) == msgspec.structs.replace(page, change=3)


async def test_only_runs_that_the_caller_may_read_are_rows(world: World) -> None:
    await made(world, PREFIX, 0.1)
    await made(world, "another/project/run", 0.5)
    guarded = Running(world.api(stop_timeout_s=2.0, auth="tokens"))
    async with guarded:
        mine = bearer(await token_for(world, ("read", "owner")))
        async with listening(guarded.api.port, mine, **TABLE) as ear:
            shown = Shown(ear)
            await shown.until(PREFIX)
            await made(world, "another/project/more", 0.7)
            await made(world, SECOND, 0.6)
            await shown.until(SECOND, PREFIX)
            assert shown.count == 2


async def test_without_topics_pending_events_are_off_and_the_stream_says_so(world: World, api: Api) -> None:
    """Stored events are told all the same; a page may ask for it later."""
    chain = await Chain(world).begin()
    async with listening(api.port, id=NAME, prefix=PREFIX, kind="points") as ear:
        await ear.until("up-to-date")
        assert (await change(api, NAME, prefixes=[PREFIX], kinds=["points"], pending=True)).status_code == 200
        told = (await ear.until("pending")).data
        off = {"on": False, "reason": "kafka-away", "full": False, "added": [], "gone": []}
        assert told == {"whole": True, **off}
        await chain.append([{"loss": 1.0}])
        (block,) = (await ear.until("points")).data
        assert block["sources"] == [{"firstIndex": 0, "count": 1, "session": SESSION.hex(), "firstSeq": 0}]


async def test_a_program_that_asks_again_and_again_gets_the_rows_at_once(world: World) -> None:
    await made(world, PREFIX, 0.1)
    running = Running(world.api(stop_timeout_s=2.0))
    async with running as client:
        page = await client.raw("/v1/live/page", **TABLE)
        events = page.json()["events"]
        assert {one["event"] for one in events} == {"rows", "up-to-date"}
        assert events[0]["data"]["rows"][0]["prefix"] == PREFIX
        problem = await client.problem("/v1/live/page", 400, filter="params.lr > 1")
        assert problem["parameter"] == "fields"
