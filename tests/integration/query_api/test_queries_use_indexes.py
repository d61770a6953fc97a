"""No query that a worker, a compactor or the API makes scans a collection: the server's own profile of all of them."""

import asyncio
import json
from time import time
from typing import Any

import pytest

from mldash.events.identity import experiment_id, parse_prefix
from mldash_compactor.compactor import Compactor
from mldash_compactor.upkeep.removal import go_on_with_removals
from mldash_compactor.upkeep.retention import keep_retention, set_policy
from mldash_compactor.upkeep.strays import find_strays
from mldash_compactor.upkeep.sweep import sweep
from mldash_deploy.prepare import prepare
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.removals import find_target, raise_generation
from tests.integration.ingest_workers.emitting import emitting, eventually, points, until_stored, working
from tests.world import PARTITIONS, World

from .conftest import Running

PREFIX = "owner/project/run"
ONE = b"1" * 16
SMALL = ("policies",)
"""A handful of documents, read whole by intent."""

pytestmark = pytest.mark.integration


async def test_no_query_of_worker_compactor_or_api_scans_a_collection(world: World) -> None:
    """All of them run with the profiler on, over streams that move, expire and are removed."""
    await prepare(world.servers, PARTITIONS)
    database = world.mongo.database
    await database.command("profile", 2)
    async with emitting(world) as emitter, working(world.worker(snapshot_sessions=1)) as worker:
        for number in range(3):
            session = bytes([number + 1]) * 16
            for at in range(0, CHUNK, 2_500):
                await emitter.send(session, at, points(session, at, 2_500))
        await emitter.send(ONE, 0, points(ONE, 0, 100, x=1.0), kind="tracks", name="pose")
        await emitter.send(ONE, 0, points(ONE, 0, 10, level="info", message="m"), kind="logs")
        await until_stored(world, 3 * CHUNK)
        await until_stored(world, 100, kind="tracks", name="pose")

        async def quiet() -> bool:
            document = await world.mongo.streams.find_one({"exp": experiment_id(PREFIX), "gen": 0, "kind": "metrics"})
            return document is not None and document["next"] == 3 * CHUNK and await worker.health() is None

        await eventually(quiet)
        compactor = Compactor(world.compactor(idle_s=0.1))
        stop = asyncio.Event()
        running = asyncio.create_task(compactor.run(stop))

        async def cold() -> bool:
            return (await world.mongo.streams.find_one({"cold": {"$gte": 3 * CHUNK}}, hint="id_cold")) is not None

        try:
            await eventually(cold, 60)
        finally:
            stop.set()
            await running
        await _ask_the_api(world)
        await set_policy(world.mongo, "owner", {"metrics": 1.0, "logs": 1.0, "tracks": 1.0})
        assert await keep_retention(world.mongo, time() + 1e6) > 0
        await find_strays(world.mongo, asyncio.Event(), keep_events=0, idle_s=1.0)
        await sweep(world.mongo, world.objects, 0.0)
        target = await find_target(world.mongo, parse_prefix(PREFIX))
        assert target is not None
        assert await raise_generation(world.mongo, target)
        assert await go_on_with_removals(world.mongo, world.objects, 0.0, time() + 1e6) == 1
    await database.command("profile", 0)
    assert await world.mongo.seqs.estimated_document_count() == 0, "the removal has looked through `seqs`"

    looked, scans = set[str](), list[str]()
    async for one in database["system.profile"].find({"ns": {"$not": {"$regex": "system"}}}):
        collection = one["ns"].partition(".")[2]
        if one.get("planSummary"):
            looked.add(collection)
        if "COLLSCAN" in one.get("planSummary", "") and collection not in SMALL:
            scans.append(f"{collection}: {_short(one)}")
    kept = {"experiments", "sessions", "streams", "buckets", "chunks", "claims", "seqs", "levels"}
    assert looked >= kept | {"views", "short_urls"}
    assert not scans, "\n".join(sorted({*scans}))


async def _ask_the_api(world: World) -> None:
    """Every route that reads."""
    experiment = {"prefix": PREFIX}
    metric = {**experiment, "name": "loss"}
    asked: tuple[tuple[str, dict[str, Any]], ...] = (
        ("/v1/experiments", {}),
        ("/v1/experiments", {"owner": "owner", "project": "project"}),
        ("/v1/experiment", experiment),
        ("/v1/params", experiment),
        ("/v1/logs/lines", experiment),
        ("/v1/sessions", experiment),
        ("/v1/sessions/standing", {**experiment, "session": ONE.hex()}),
        ("/v1/metrics", experiment),
        ("/v1/metrics/points", metric),
        ("/v1/metrics/stats", metric),
        ("/v1/metrics/view", {**metric, "points": 100}),
        ("/v1/metrics/export", {**metric, "format": "jsonl"}),
        ("/v1/tracks", experiment),
        ("/v1/tracks/entries", {**experiment, "topic": "pose"}),
        ("/v1/tracks/entries", {**experiment, "topic": "pose", "start": 1_000.0, "end": 1_001.0}),
        ("/v1/tracks/at", {**experiment, "topic": "pose", "times": 1_000.5}),
        ("/v1/tracks/grid", {**experiment, "topic": "pose", "columns": "x", "with_path": True}),
        ("/v1/logs/lines", {**experiment, "level": "info", "start": 1_000.0}),
        ("/v1/logs", {"prefixes": PREFIX, "level": "info", "start": 1_000.0, "session": ONE.hex()}),
        ("/v1/logs", {"prefixes": PREFIX, "rank": 0, "limit": 3}),
        ("/v1/saved-views", {}),
        ("/v1/saved-views", {"scope": "owner"}),
        ("/v1/saved-views/view-of-this-test", {}),
        ("/v1/saved-views/view-of-this-test/history", {}),
        ("/readyz", {}),
    )
    saved: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("PUT", "/v1/saved-views/view-of-this-test", {"scope": "owner/project", "name": {"text": "One"}}),
        ("PUT", "/v1/short-urls", {"path": "/?filter=archived"}),
        ("POST", "/v1/experiments/change", {"prefixes": [PREFIX], "title": "One"}),
        ("POST", "/v1/experiments/delete", {"prefixes": [PREFIX]}),
    )
    async with Running(world.api(stop_timeout_s=2.0)) as client:
        for method, path, body in saved:
            origin = {"Origin": str(client.http.base_url).rstrip("/")}
            answer = await client.http.request(method, path, json=body, headers=origin)
            assert answer.status_code == 200, (path, answer.text)
        for path, query in asked:
            answer = await client.raw(path, **query)
            assert answer.status_code == 200, (path, answer.text)


def _short(profiled: dict[str, Any]) -> str:
    command = {key: profiled["command"].get(key) for key in ("filter", "q", "pipeline", "sort", "query", "deletes")}
    return json.dumps({key: value for key, value in command.items() if value is not None}, default=repr)[:300]
