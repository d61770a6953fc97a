"""Deleting by prefix and by filter: what is shown goes, and nothing else; and changes by filter."""

import asyncio
import json
from time import time
from typing import Any

import pytest

from mldash.events.identity import experiment_id, parse_prefix
from mldash_api.experiments import deletion
from mldash_compactor.upkeep.removal import go_on_with_removals
from mldash_ingest.documents.removals import find_target, raise_generation
from tests.stack import run_mldash
from tests.world import World

from .conftest import Client, Running
from .runs import prefixes, put_run, until
from .test_changing_runs import change
from .test_tokens import bearer, token_for

pytestmark = pytest.mark.integration

PATH = "/v1/experiments/delete"
POINTS = {"train": [{"loss": 0.5}] * 30}


async def delete(client: Client, status: int = 200, headers: dict[str, str] | None = None, **body: Any) -> Any:
    origin = {"Origin": str(client.http.base_url).rstrip("/")}
    answer = await client.http.post(PATH, json=body, headers=origin | (headers or {}))
    assert answer.status_code == status, answer.text
    return answer.json()


async def remake(world: World, prefix: str) -> None:
    """Another deletes it and logs again under its prefix."""
    target = await find_target(world.mongo, parse_prefix(prefix))
    assert target is not None and await raise_generation(world.mongo, target)
    await put_run(world, prefix, tags=["old"], generation=target.generation + 1)


async def test_a_dry_run_counts_and_its_token_deletes_exactly_what_it_has_shown(world: World, client: Client) -> None:
    """Meanwhile a run begins to pass the filter, and one is deleted and made anew: both stay."""
    for number in range(1, 4):
        await put_run(
            world, f"alice/robots/{number}", metrics=POINTS, tags=["old"], status="COMPLETED" if number > 1 else None
        )
    await put_run(world, "alice/robots/new")
    everything = [f"alice/robots/{name}" for name in ("1", "2", "3")]
    await until(client, everything, filter='tags has "old"')
    shown = await delete(client, filter='tags has "old"')
    assert [one["prefix"] for one in shown["experiments"]] == everything and shown["count"] == 3
    first, second, _ = shown["experiments"]
    assert (first["streams"], second["streams"]) == ({"runs": 1, "metrics": 1},) * 2
    assert (first["events"], second["events"], shown["events"]) == (32, 33, 98)
    assert (first["liveSessions"], second["liveSessions"], first["bytes"] > 0) == (1, 0, True)
    assert shown["bytes"] == sum(one["bytes"] for one in shown["experiments"])
    assert await prefixes(client) == [*everything, "alice/robots/new"], "a dry run deletes nothing"

    await put_run(world, "alice/robots/4", tags=["old"])
    await remake(world, "alice/robots/3")
    await until(client, [*everything, "alice/robots/4"], filter='tags has "old"')
    gone = await delete(client, token=shown["token"], dry_run=False)
    assert gone == {"deleted": everything[:2], "notDeleted": ["alice/robots/3"]}
    left = ["alice/robots/3", "alice/robots/4", "alice/robots/new"]
    assert await prefixes(client) == left
    await until(client, left, filter="prefix exists")
    again = await delete(client, token=shown["token"], dry_run=False)
    assert again == {"deleted": [], "notDeleted": everything}
    lines = (await client.get("/v1/changes"))["changes"]
    assert [(one["action"], one["scope"]) for one in lines] == [
        ("delete an experiment", prefix) for prefix in reversed(everything[:2])
    ]
    assert await go_on_with_removals(world.mongo, world.objects, 30 * 86_400.0, time()) == 3
    own = {"exp": experiment_id(everything[0]), "gen": 0, "kind": "metrics"}
    closed = await world.mongo.streams.find_one(own)
    assert closed is not None and await world.mongo.buckets.count_documents({"s": closed["_id"]}) == 0


async def test_who_is_no_admin_of_all_that_would_go_deletes_none_of_it(world: World) -> None:
    for prefix in ("alice/robots/1", "bob/robots/1"):
        await put_run(world, prefix, tags=["old"])
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        root = bearer(await token_for(world, ("admin", "")))
        ada = bearer(await token_for(world, ("admin", "alice"), ("write", "bob")))
        eve = bearer(await token_for(world, ("write", "")))
        await until(client, ["alice/robots/1", "bob/robots/1"], filter='tags has "old"', headers=root)
        shown = await delete(client, headers=root, filter='tags has "old"')
        for who in (ada, eve):
            told = await delete(client, 403, who, token=shown["token"], dry_run=False)
            assert told["right"] == "admin"
            await delete(client, 403, who, prefixes=["alice/robots/1", "bob/robots/1"])
        stranger = bearer(await token_for(world, ("admin", "carol")))
        assert "robots" not in str(await delete(client, 404, stranger, token=shown["token"], dry_run=False))
        assert [
            one["prefix"] for one in (await delete(client, headers=ada, filter='tags has "old"'))["experiments"]
        ] == ["alice/robots/1"]
        assert (await delete(client, headers=eve, filter='tags has "old"'))["experiments"] == []
        assert await prefixes(client, headers=root) == ["alice/robots/1", "bob/robots/1"]
        mine = await delete(client, headers=ada, prefixes=["alice/robots/1"])
        await delete(client, headers=ada, token=mine["token"], dry_run=False)
        assert await prefixes(client, headers=root) == ["bob/robots/1"]


async def test_a_wrong_deletion_is_refused_by_name(world: World, client: Client, monkeypatch: Any) -> None:
    await put_run(world, "alice/robots/1")
    shown = await delete(client, prefixes=["alice/robots/1"])
    old = deletion.token_of([], time() - deletion.TOKEN_S - 1)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "prefixes"),
        ({"prefixes": ["a/b"], "filter": "archived"}, "prefixes"),
        ({"prefixes": ["a/b"] * 201}, "number of prefixes"),
        ({"prefixes": ["alice/robots/1"], "dry_run": False}, "token"),
        ({"filter": "archived", "dry_run": False}, "token"),
        ({"token": shown["token"]}, "token"),
        ({"token": shown["token"], "dry_run": False, "filter": "archived"}, "token"),
        ({"token": "%%%", "dry_run": False}, "token"),
        ({"token": shown["token"][:-6], "dry_run": False}, "token"),
        ({"token": old, "dry_run": False}, "token"),
    ]
    for body, parameter in wrong:
        assert (await delete(client, 400, **body))["parameter"] == parameter, body
    await delete(client, 404, prefixes=["alice/robots/1", "alice/robots/none"])
    assert (await delete(client, 400, filter="tags has"))["type"] == "wrong-filter"
    monkeypatch.setattr("mldash_api.routes.changing.deletion.MOST_CHANGED", 1)
    await put_run(world, "alice/robots/2")
    await until(client, ["alice/robots/1", "alice/robots/2"], filter='owner = "alice"')
    part = await delete(client, filter='owner = "alice"')
    assert (part["count"], len(part["experiments"])) == (2, 1)


async def test_the_command_shows_asks_and_deletes_what_it_has_shown(world: World, client: Client) -> None:
    for number in (1, 2):
        await put_run(world, f"alice/robots/{number}", metrics=POINTS, tags=["old"])
    await put_run(world, "alice/robots/3")
    await until(client, ["alice/robots/1", "alice/robots/2"], filter='tags has "old"')
    rm = ("rm", "--filter", 'tags has "old"', "--remote", str(client.http.base_url))
    shown = json.loads((await asyncio.to_thread(run_mldash, *rm, "--dry-run", "--json")).stdout)
    assert (shown["count"], shown["events"]) == (2, 66)
    assert len(await prefixes(client)) == 3
    told = await asyncio.to_thread(run_mldash, *rm, "--yes")
    assert told.stdout.startswith("deleted 2;")
    assert await prefixes(client) == ["alice/robots/3"]


async def test_a_change_by_filter_says_what_it_changed_so_that_it_can_be_taken_back(world: World) -> None:
    for prefix in ("alice/robots/1", "alice/robots/2", "bob/robots/1"):
        await put_run(world, prefix, tags=["old"])
    async with Running(world.api(auth="tokens", stop_timeout_s=2.0)) as client:
        ada = bearer(await token_for(world, ("write", "alice"), ("read", "")))
        both, old = ["alice/robots/1", "alice/robots/2"], 'tags has "old"'
        await until(client, [*both, "bob/robots/1"], filter=old, headers=ada)
        await change(client, prefixes=both[:1], archived=True, headers=ada)
        tried = await change(client, filter=old, archived=True, dry_run=True, headers=ada)
        assert [(one["prefix"], one["archived"], one["changed"]) for one in tried["experiments"]] == [
            (both[0], True, False),
            (both[1], True, True),
        ]
        assert tried["count"] == 2
        await until(client, both[:1], filter="archived", headers=ada)
        made = await change(client, filter=old, archived=True, headers=ada)
        await until(client, both, filter="archived", headers=ada)
        undo = [one["prefix"] for one in made["experiments"] if one["changed"]]
        await change(client, prefixes=undo, archived=False, headers=ada)
        await until(client, both[:1], filter="archived", headers=ada)
        history = (await client.get("/v1/experiments/history", ada, prefix=both[1]))["history"]
        assert [(one["before"], one["after"]) for one in history] == [(True, False), (False, True)]
        await change(client, 400, filter=old, prefixes=both, archived=True, headers=ada)
