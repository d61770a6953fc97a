"""Experiments, their parameters and their sessions."""

from time import time
from typing import Any

import msgspec
import pytest

from mldash.events.schema import Describe, End, Error, RunEvents, Start
from tests.world import World

from .conftest import Client
from .writing import PREFIX, SESSION, Chain

pytestmark = pytest.mark.integration

OTHER = b"2" * 16


async def test_params_are_the_fold_of_every_set_with_and_without_a_snapshot(world: World, client: Client) -> None:
    assert await client.get("/v1/params", prefix=PREFIX) == {"params": {}}
    chain = await Chain(world, "params", "").begin()
    await chain.append([{"m": 1, "lr": 0.1}, {"m.a": [1, None]}])
    await chain.append([{"lr": float("inf"), "$set": {"x": b"1"}}])
    want = {"lr": float("inf"), "m.a": [1, None], "$set": {"x": b"1"}}
    assert await client.get("/v1/params", prefix=PREFIX) == {"params": want}
    await chain.snapshot()
    assert await client.get("/v1/params", prefix="/" + PREFIX + "/") == {"params": want}
    await chain.append([{"m.a": 2}])
    assert (await client.get("/v1/params", prefix=PREFIX))["params"]["m.a"] == 2


async def test_an_experiment_is_what_was_said_of_it_and_the_status_of_its_latest_run(
    world: World, client: Client
) -> None:
    assert (await client.problem("/v1/experiment", 404, prefix=PREFIX))[
        "detail"
    ] == f"there is no experiment '{PREFIX}'"
    chain = await Chain(world, "runs", "").begin()

    async def status() -> str:
        found: str = (await client.get("/v1/experiment", prefix=PREFIX))["status"]
        return found

    assert await status() == "CREATED"
    now = time()
    await chain.append_runs(RunEvents([Start(now - 50.0, "host", 7, 1, 2, "me", {"git": {"commit": "c"}})]))
    assert await status() == "RUNNING"
    failed = End(now - 40.0, "FAILED", Error("ValueError", "no", "Traceback …"))
    await chain.append_runs(RunEvents([Describe(now - 45.0, description="new", tags=["t"]), failed]))
    await chain.append_runs(RunEvents([Describe(now - 46.0, description="old", readme="# long")]))
    answer = await client.get("/v1/experiment", prefix=PREFIX)
    assert answer == {
        "name": "run",
        "project": "project",
        "owner": "owner",
        "prefix": PREFIX,
        "description": "new",
        "readme": "# long",
        "tags": ["t"],
        "metadata": None,
        "status": "FAILED",
        "created_at": "1970-01-01T00:16:40.000000Z",
        "updated_at": answer["updated_at"],
    }
    await chain.append_runs(RunEvents([Start(now - 30.0)]), OTHER)
    await chain.append_runs(RunEvents([End(now - 20.0, "COMPLETED")]), OTHER)
    assert await status() == "COMPLETED"


async def test_a_session_whose_heartbeat_stopped_is_lost_and_one_that_was_resumed_runs(
    world: World, client: Client
) -> None:
    chain, now = await Chain(world, "runs", "").begin(), time()
    context = msgspec.msgpack.encode({"git": {"commit": "c"}})
    await world.mongo.sessions.update_one({"_id": SESSION}, {"$set": {"heartbeat": now, "context": context}})
    other = {"_id": OTHER, "exp": chain.experiment, "gen": 0, "first_at": now - 900, "heartbeat": now - 900}
    await world.mongo.sessions.insert_one(other)
    await chain.append_runs(RunEvents([Start(now - 999.0, "a", 1), End(now - 990.0, "CANCELLED"), Start(now - 980.0)]))
    first, second = (await client.get("/v1/sessions", prefix=PREFIX))["sessions"]
    assert (first["session"], first["status"], first["host"]) == (SESSION.hex(), "RUNNING", "")
    assert first["context"] == {"git": {"commit": "c"}}
    assert (second["session"], second["status"], second["startedAt"]) == (OTHER.hex(), "CREATED", None)
    await chain.append_runs(RunEvents([Start(now - 900.0, rank=3)]), OTHER)
    _, second = (await client.get("/v1/sessions", prefix=PREFIX))["sessions"]
    assert (second["status"], second["rank"], second["endedAt"]) == ("LOST", 3, None)
    assert (await client.get("/v1/experiment", prefix=PREFIX))["status"] == "RUNNING"


async def test_the_error_of_a_failed_session_is_told(world: World, client: Client) -> None:
    chain, now = await Chain(world, "runs", "").begin(), time()
    failed = End(now, "FAILED", Error("ValueError", "no", "Traceback …"))
    await chain.append_runs(RunEvents([Start(now - 1.0), failed]))
    (one,) = (await client.get("/v1/sessions", prefix=PREFIX))["sessions"]
    assert one["error"] == {"type": "ValueError", "message": "no", "traceback": "Traceback …"}


async def test_experiments_are_listed_page_after_page_by_owner_and_project(world: World, client: Client) -> None:
    prefixes = ["a/p", "a/p/x", "a/p/y/z", "a/p.other/x", "a/q/x", "ab/p/x", "ä/p/x"]
    for number, prefix in enumerate(prefixes):
        document = {"_id": number.to_bytes(16, "big"), "prefix": prefix, "gen": 0, "created_at": 1.0}
        await world.mongo.experiments.insert_one(document)
    await world.mongo.experiments.insert_one({"_id": b"d" * 16, "prefix": "a/deleted", "gen": 3})

    async def listed(**query: Any) -> list[str]:
        found, cursor = list[str](), None
        while True:
            page = await client.get("/v1/experiments", **query, **({"cursor": cursor} if cursor else {}))
            found += [one["prefix"] for one in page["experiments"]]
            cursor = page["next"]
            if cursor is None:
                return found

    assert await listed() == sorted(prefixes)
    assert await listed(limit=2) == sorted(prefixes)
    assert await listed(owner="a", limit=1) == ["a/p", "a/p.other/x", "a/p/x", "a/p/y/z", "a/q/x"]
    assert await listed(owner="a", project="p", limit=2) == ["a/p", "a/p/x", "a/p/y/z"]
    assert await listed(owner="none") == []
