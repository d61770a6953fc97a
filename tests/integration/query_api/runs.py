"""Whole runs as workers leave them in MongoDB, for those who search."""

import asyncio
from time import time
from typing import Any

from mldash.events.schema import Describe, End, RunEvents, Start
from tests.world import World

from .conftest import Client
from .writing import Chain


async def put_run(
    world: World,
    prefix: str,
    params: dict[str, Any] | None = None,
    metrics: dict[str, list[dict[str, Any]]] | None = None,
    *,
    status: str | None = "COMPLETED",
    tags: list[str] | None = None,
    generation: int = 0,
    **about: Any,
) -> dict[str, Chain]:
    """Its chains, each with a snapshot over all of it. `status` None: it runs."""
    session = prefix.encode().ljust(16, b"\0")[-16:]
    now = time()
    chains = {"runs": await Chain(world, "runs", "", prefix=prefix, generation=generation).begin()}
    document = {"exp": chains["runs"].experiment, "gen": generation, "prefix": prefix, "first_at": now - 100}
    await world.mongo.sessions.update_one(
        {"_id": session}, {"$set": {**document, "heartbeat": now, "seen_at": now, "skew": 0.0}}, upsert=True
    )
    events: list[Any] = [Start(now - 100, "host-1", 7, 0, 1, "alice"), Describe(now - 99, tags=tags, **about)]
    if status is not None:
        events.append(End(now - 40, status))  # type: ignore[arg-type]
    await chains["runs"].append_runs(RunEvents(events), session=session)
    if params:
        chains["params"] = await Chain(world, "params", "", prefix=prefix, generation=generation).begin()
        await chains["params"].append([params])
    for name, points in (metrics or {}).items():
        chains[name] = await Chain(world, "metrics", name, prefix=prefix, generation=generation).begin()
        await chains[name].append(points)
    for chain in chains.values():
        await chain.snapshot()
    return chains


async def prefixes(client: Client, **query: Any) -> list[str]:
    """Of the runs that a search finds, in its order."""
    answer = await client.get("/v1/experiments", **query)
    return [one["prefix"] for one in answer["experiments"]]


async def until(client: Client, expected: list[str], **query: Any) -> None:
    """Until a search finds these: the index follows within a moment."""
    async with asyncio.timeout(90):
        while await prefixes(client, **query) != expected:  # noqa: ASYNC110 - of the API, nothing tells
            await asyncio.sleep(0.02)
