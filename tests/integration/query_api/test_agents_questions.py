"""What people ask of a sweep (tests/unit/query_api/agents/questions.py) is answered over HTTP as it is over stdio."""

from pathlib import Path
from time import time
from typing import Any

import pytest

from mldash.events.schema import Describe, End, Error, RunEvents, Start
from mldash_api.agents.tools import READING
from tests.protocol_clients.typescript import typescript_asker
from tests.unit.query_api.agents.asking import PythonAsker
from tests.unit.query_api.agents.questions import QUESTIONS
from tests.unit.query_api.agents.sweep import (
    FAILED,
    INJECTED,
    KILLED,
    LAST_OF_KILLED,
    LAST_WORDS,
    MULTI,
    WORLD,
    Made,
    planned,
)
from tests.world import World

from .conftest import Running
from .runs import until
from .test_agents_over_http import asking
from .writing import SESSION, Chain

pytestmark = pytest.mark.integration

Line = dict[str, Any]


async def put(world: World, made: Made, number: int) -> None:
    """As the worker leaves it."""
    now, session, prefix = time(), number.to_bytes(16, "big"), made.prefix
    runs = await Chain(world, "runs", "", prefix=prefix).begin()
    await put_session(world, runs, session, None, now)
    failed = number == FAILED
    error = Error("MemoryError", "no memory left") if failed else None
    ended = End(now - 40, "FAILED" if failed else "COMPLETED", error)
    events = [Start(now - 100, "host-1", 7, None, None, "alice"), Describe(now - 99, tags=["sweep"]), ended]
    await runs.append_runs(RunEvents(events), session=session)
    lines: list[Line] = [{"level": "info", "message": "it begins"}, {"level": "warn", "message": INJECTED}]
    if failed:
        lines.append({"level": "error", "message": LAST_WORDS, "metadata": {"step": 40}})
    losses = [{"step": step, "loss": loss} for step, loss in enumerate(made.losses)]
    accuracies = [{"acc": one} for one in made.accuracies]
    streams: list[tuple[str, str, list[Line]]] = [
        ("params", "", [made.params]),
        ("logs", "", lines),
        ("metrics", "train", losses),
        ("metrics", "eval", accuracies),
    ]
    chains = [runs]
    for kind, name, rows in streams:
        chain = await Chain(world, kind, name, prefix=prefix).begin()
        await chain.append(rows, session=session)
        chains.append(chain)
    for chain in chains:
        await chain.snapshot()


async def put_multi(world: World) -> None:
    """One of its processes was killed: nothing was heard of it since, and it has no end."""
    now = time()
    runs = await Chain(world, "runs", "", prefix=MULTI).begin()
    logs = await Chain(world, "logs", "", prefix=MULTI).begin()
    for rank in range(WORLD):
        session = bytes([100 + rank]) * 16
        last = now - 600 if rank == KILLED else now - 40
        await put_session(world, runs, session, rank, last)
        events: list[Any] = [Start(now - 900, f"host-{rank}", 7, rank, WORLD, "alice")]
        if rank != KILLED:
            events.append(End(now - 40, "COMPLETED"))
        await runs.append_runs(RunEvents(events), session=session)
        lines = [{"level": "info", "message": f"rank {rank} trains"}]
        if rank == KILLED:
            lines.append({"level": "error", "message": LAST_OF_KILLED})
        await logs.append(lines, times=[last - 5 + at for at in range(len(lines))], session=session)
    for chain in (runs, logs):
        await chain.snapshot()


async def put_session(world: World, chain: Chain, session: bytes, rank: int | None, last: float) -> None:
    own = {"exp": chain.experiment, "gen": 0, "prefix": chain.prefix, "first_at": last - 100, "rank": rank}
    own |= {"heartbeat": last, "seen_at": last, "skew": 0.0}
    await world.mongo.sessions.update_one({"_id": session}, {"$set": own}, upsert=True)


async def test_what_people_ask_of_a_sweep_is_answered_over_http(world: World, tmp_path: Path) -> None:
    """Every second question in each mode, those that are asked in the other one over stdio; likewise by the protocol's
    clients for TypeScript, the first version and the second."""
    ledger = planned(tmp_path)
    ledger.is_over_api = True
    for number, made in enumerate(ledger.runs):
        await put(world, made, number)
    await put_multi(world)
    await world.mongo.sessions.delete_one({"_id": SESSION})  # the one that Chain begins with wrote nothing
    async with Running(world.api(mcp=True, stop_timeout_s=5.0)) as api:
        await until(api, sorted([MULTI, *(made.prefix for made in ledger.runs)]), sort="prefix")
        for mode, first in (("auto", 1), ("legacy", 0)):
            async with asking(api, mode=mode) as client:
                asker = PythonAsker(client)
                for question in QUESTIONS[first::2]:
                    await question(asker.question(), ledger)
        for library, first in (("sdk", 0), ("client", 1)):
            async with typescript_asker(library, {"url": f"{api.http.base_url}/mcp"}) as typescript:
                assert typescript.tools == [*READING]
                for question in QUESTIONS[first::2]:
                    await question(typescript.question(), ledger)
