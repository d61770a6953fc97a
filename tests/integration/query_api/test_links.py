"""Links that open one thing: who makes them, what they lead to, and when they end."""

import asyncio
import json
from collections.abc import AsyncIterator
from time import time
from typing import Any

import pytest

from mldash_api.live import tending
from mldash_api.rights.token_text import LINK_PREFIX, hash_of, is_token
from mldash_ingest.documents.changes import list_changes
from tests.world import World

from .browser import browser_of
from .conftest import Client, Running
from .listening import Ear
from .runs import put_run, until
from .test_tokens import bearer, token_for
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

OWNER = PREFIX.split("/", maxsplit=1)[0]
CHART = {"kind": "chart", "prefix": PREFIX, "name": "train", "fields": ["loss"]}
RANGE = {**CHART, "kind": "range", "start": 2, "end": 5}


@pytest.fixture
async def guarded(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as made:
        yield made


@pytest.fixture
async def admin(world: World) -> str:
    return await token_for(world, ("admin", OWNER))


async def make(client: Client, token: str, asked: dict[str, Any]) -> tuple[int, Any]:
    answer = await client.http.post("/v1/links", json=asked, headers=bearer(token))
    return answer.status_code, answer.json()


def text_of(made: Any) -> str:
    page, _, text = made["path"].partition("#link=")
    assert page == "/sign-in"
    return str(text)


async def test_a_link_to_a_range_shows_its_points_and_nothing_else(world: World, guarded: Client, admin: str) -> None:
    chain = Chain(world, "metrics", "train")
    await chain.begin()
    await chain.append([{"loss": float(index), "secret": 7.0} for index in range(10)])
    status, made = await make(guarded, admin, RANGE)
    assert status == 201 and is_token(text_of(made), LINK_PREFIX)
    async with browser_of(guarded) as guest:
        me = (await guest.sign_in(text_of(made))).json()
        assert (me["isSomebody"], me["grants"], me["opens"]["kind"]) == (False, [], "range")
        asked = {"prefix": PREFIX, "name": "train", "fields": "loss", "start_index": 2, "limit": 3}
        answer = await guest.get("/v1/metrics/points", **asked)
        assert [point["data"]["loss"] for point in answer.json()["data"]] == [2.0, 3.0, 4.0]
        assert "secret" not in answer.text
        for more in ({"limit": 4}, {"start_index": 1}, {"fields": "secret"}, {"name": "eval"}):
            refused = await guest.get("/v1/metrics/points", **{**asked, **more})
            assert (refused.status_code, refused.json()["type"]) == (403, "link-opens-less"), more


async def test_only_admins_of_an_experiment_make_links_to_it(world: World, guarded: Client, admin: str) -> None:
    for asked in (CHART, RANGE, {"kind": "experiment", "prefix": PREFIX}):
        assert (await make(guarded, await token_for(world, ("write", OWNER)), asked))[0] == 403
        assert (await make(guarded, await token_for(world, ("admin", f"{PREFIX}/below")), asked))[0] == 403
        status, made = await make(guarded, admin, asked)
        assert status == 201
        async with browser_of(guarded) as guest:
            await guest.sign_in(text_of(made))
            assert (await guest.change("POST", "/v1/links", asked)).status_code == 403


async def test_a_revoked_link_and_the_cookies_it_led_to_open_nothing(world: World, guarded: Client, admin: str) -> None:
    _, made = await make(guarded, admin, {"kind": "experiment", "prefix": PREFIX, "note": "for the review"})
    async with browser_of(guarded) as guest:
        await guest.sign_in(text_of(made))
        assert (await guest.get("/v1/params", prefix=PREFIX)).status_code == 200
        other = bearer(await token_for(world, ("admin", "b")))
        assert (await guarded.http.delete(f"/v1/links/{made['id']}", headers=other)).status_code == 404
        assert (await guarded.http.get("/v1/links", headers=other)).json() == {"links": []}
        for _ in range(2):
            answer = await guarded.http.delete(f"/v1/links/{made['id']}", headers=bearer(admin))
            assert (answer.status_code, answer.json()["revokedAt"] is None) == (200, False)
        for answer in (await guest.get("/v1/params", prefix=PREFIX), await guest.sign_in(text_of(made))):
            assert (answer.status_code, "was revoked" in answer.text) == (401, True)
    (listed,) = (await guarded.http.get("/v1/links", headers=bearer(admin))).json()["links"]
    assert (listed["note"], listed["usedAt"] is None, listed["opens"]["prefix"]) == ("for the review", False, PREFIX)
    actions = [(one.action, one.scope) for one in await list_changes(world.mongo, [OWNER], None, 10)]
    assert actions == [("revoke a link", PREFIX), ("make a link", PREFIX)]


async def test_an_expired_link_opens_nothing_nor_does_its_cookie(world: World, guarded: Client, admin: str) -> None:
    _, made = await make(guarded, admin, {**CHART, "expires_in_days": 1})
    async with browser_of(guarded) as guest:
        await guest.sign_in(text_of(made))
        await world.mongo.links.update_one({"_id": made["id"]}, {"$set": {"expires_at": time() - 1}})
        for answer in (await guest.get("/v1/me"), await guest.sign_in(text_of(made))):
            assert (answer.status_code, "has expired" in answer.text) == (401, True)


async def test_the_text_of_a_link_is_stored_nowhere(world: World, guarded: Client, admin: str) -> None:
    _, made = await make(guarded, admin, CHART)
    stored: list[dict[str, Any]] = [one async for one in world.mongo.links.find()]
    assert [one["hash"] for one in stored] == [hash_of(text_of(made))]
    listed = (await guarded.http.get("/v1/links", headers=bearer(admin))).text
    changes = repr(await list_changes(world.mongo, [""], None, 10))
    for told in (repr(stored), listed, changes):
        assert text_of(made)[4:47] not in told


async def test_the_text_of_a_link_is_no_token(world: World, guarded: Client, admin: str) -> None:
    """It is sent in a body alone, and is no header's."""
    _, made = await make(guarded, admin, CHART)
    assert (await guarded.raw("/v1/me", bearer(text_of(made)))).status_code == 401


@pytest.mark.parametrize(
    ("asked", "parameter"),
    [
        ({**CHART, "fields": []}, "fields"),
        ({**CHART, "start": 1}, "start"),
        ({**RANGE, "end": 2}, "end"),
        ({**RANGE, "start": -1}, "end"),
        ({**RANGE, "end": 2**60}, "end"),
        ({"kind": "experiment", "prefix": PREFIX, "name": "train"}, "kind"),
        ({**CHART, "expires_in_days": 0}, "expires_in_days"),
        ({**CHART, "expires_in_days": 1e9}, "expires_in_days"),
        ({**CHART, "note": "a\nb"}, "note"),
        ({**CHART, "prefix": "alice"}, "prefix"),
    ],
)
async def test_a_link_that_could_open_nothing_is_refused_by_name(
    guarded: Client, admin: str, asked: dict[str, Any], parameter: str
) -> None:
    status, told = await make(guarded, admin, asked)
    assert (status, told.get("parameter")) == (400, parameter), json.dumps(told)


async def test_a_link_to_an_experiment_opens_its_live_stream_and_its_grid_and_no_others(
    world: World, guarded: Client, admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until it is revoked."""
    monkeypatch.setattr(tending, "RIGHTS_EVERY_S", 0.1)
    for prefix in (PREFIX, f"{PREFIX}/below"):
        chain = await Chain(world, "metrics", "train", prefix=prefix).begin()
        await chain.append([{"loss": float(index)} for index in range(10)])
    _, made = await make(guarded, admin, {"kind": "experiment", "prefix": PREFIX})
    _, chart = await make(guarded, admin, CHART)
    name = "a-guest-s-page-01"
    async with browser_of(guarded) as guest, browser_of(guarded) as other:
        await guest.sign_in(text_of(made))
        await other.sign_in(text_of(chart))
        grid = {"name": "train", "fields": "loss"}
        assert (await guest.get("/v1/metrics/grid", prefixes=PREFIX, **grid)).status_code == 200
        assert (await guest.get("/v1/compare", prefixes=PREFIX, everything=True)).status_code == 200
        page = await guest.get("/v1/live/page", prefix=PREFIX, kind="points", **{"from": "start"})
        assert [one["event"] for one in page.json()["events"]] == ["points", "up-to-date"]
        for path, asked in [
            ("/v1/metrics/grid", {"prefixes": f"{PREFIX}/below", **grid}),
            ("/v1/metrics/grid", {"prefixes": [PREFIX, f"{PREFIX}/below"], **grid}),
            ("/v1/metrics/grid", {"prefixes": f"{PREFIX}/below", "prefix": PREFIX, **grid}),
            ("/v1/compare", {"prefixes": f"{PREFIX}/below"}),
            ("/v1/compare", {"prefixes": [PREFIX, f"{PREFIX}/below"]}),
            ("/v1/live/page", {"prefix": f"{PREFIX}/below"}),
            ("/v1/live/page", {"prefix": [PREFIX, f"{PREFIX}/below"]}),
            ("/v1/live/page", {"scope": PREFIX}),
        ]:
            refused = await guest.get(path, **asked)
            assert (refused.status_code, refused.json()["type"]) == (403, "link-opens-less"), asked
        assert (await other.get("/v1/live/page", prefix=PREFIX)).status_code == 403
        assert (await other.get("/v1/metrics/grid", prefixes=PREFIX, **grid)).status_code == 403
        stream = guest.http.stream("GET", "/v1/live", params={"prefix": PREFIX, "id": name})
        async with stream as answer, asyncio.timeout(60):
            ear = Ear(answer)
            await ear.until("up-to-date")
            more = await guest.change("PUT", f"/v1/live/{name}", {"scopes": [PREFIX]})
            assert (more.status_code, more.json()["type"]) == (403, "link-opens-less")
            assert (await guest.change("PUT", f"/v1/live/{name}", {"prefixes": [PREFIX]})).status_code == 200
            await ear.until("changed")
            await guarded.http.delete(f"/v1/links/{made['id']}", headers=bearer(admin))
            assert (await ear.until("closed")).data == {"reason": "not-signed-in"}


async def test_a_link_to_an_experiment_groups_its_grid_by_what_it_is(world: World, guarded: Client, admin: str) -> None:
    await put_run(world, PREFIX, {"lr": 0.5}, {"train": [{"loss": 1.0}]})
    await until(guarded, [PREFIX], filter="params.lr = 0.5", headers=bearer(admin))
    _, made = await make(guarded, admin, {"kind": "experiment", "prefix": PREFIX})
    async with browser_of(guarded) as guest:
        await guest.sign_in(text_of(made))
        asked = {"prefixes": PREFIX, "name": "train", "fields": "loss", "group": "params.lr"}
        answer = await guest.get("/v1/metrics/grid", **asked)
        assert answer.status_code == 200, answer.text
        assert answer.json()["groups"] == [{"values": {"params.lr": 0.5}, "runs": [0]}]
