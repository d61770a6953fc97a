"""Listeners of the live stream resume over API kills, worker kills, mongod restarts and cut connections.

Six emitters write; a compactor and retention work beside them. The ledger is what was stored, read straight from
MongoDB and S3, and what the emitters say that their calls returned for.
"""

import asyncio
import logging
import os
import random
import signal
from collections.abc import Coroutine, Sequence
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.mongo import open_mongo

from . import sequences
from .invariants import Violation, missing_events
from .listeners import Listener, running
from .proxy import Proxy
from .reader import Reader
from .returned import Accounts
from .sequences import LONG, MAIN, REMADE, Stream
from .system import System

pytestmark = [
    pytest.mark.time_limit(600),
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning"),
]

SEED = int(os.environ.get("MLDASH_TEST_SEED", "1"))
FAULTS = ("api", "worker", "mongo", "api", "worker")
_CONNECTIONS = 8
"""Of each listener, at least: else nothing was resumed."""
_STORED_S = 120.0
_STREAMS = [one for one in sequences.all_streams() if one.kind != "runs" and one != LONG]
_PATTERNS = ["loss", "eval/*", "syst*", "", "own/*"]


async def test_each_listener_is_told_every_stored_event_once_and_in_order(tmp_path: Path) -> None:
    """The seed draws when what is killed, and when connections break."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    system = System(tmp_path / "run", SEED, cuts=False, over_http=False)
    proxy = Proxy("api", SEED, lambda: system.api_port, cuts=True)
    async with system.proxies:
        await proxy.start()
        try:
            await system.up()
            await system.begin(workers=2, rate=1.0)
            listeners = _listeners(proxy.address)
            async with running(listeners) as tasks:
                await _until_done(_faults(system), tasks)
                proxy.cuts = False
                for one in listeners:
                    one.is_calm = True
                await _until_done(_settle(system, listeners), tasks)
        finally:
            await proxy.stop()
            await system.down()
    for one in listeners:
        print(one.name, f"{one.connections} connections, {dict(one.broken)}, {one.ids} ids, closed {dict(one.closed)}")
        assert one.connections >= _CONNECTIONS, "it did not come back often enough to prove anything"
    assert proxy.hits


def _listeners(address: str) -> list[Listener]:
    asked = {
        "main": {"prefix": MAIN, "metric": _PATTERNS},
        "remade": {"prefix": REMADE},
        "scope": {"scope": "faults", "metric": _PATTERNS},
        "points": {"prefix": [MAIN, REMADE], "kind": "points", "metric": _PATTERNS},
        "lines": {"scope": "faults/run", "kind": ["lines", "params"]},
    }
    return [Listener(name, address, query, SEED) for name, query in asked.items()]


def _of(listener: Listener) -> Sequence[Stream]:
    """The streams that it listens to."""
    kinds = {"points": ("metrics",), "lines": ("logs", "params")}.get(
        listener.name, ("metrics", "tracks", "logs", "params")
    )
    prefixes = {"main": (MAIN,), "remade": (REMADE,)}.get(listener.name, (MAIN, REMADE))
    return [one for one in _STREAMS if one.kind in kinds and one.prefix in prefixes]


async def _until_done(work: Coroutine[Any, Any, None], listening: Sequence["asyncio.Task[None]"]) -> None:
    """The work's end; what a listener finds meanwhile is raised at once."""
    working = asyncio.create_task(work)
    await asyncio.wait({working, *listening}, return_when=asyncio.FIRST_COMPLETED)
    for task in listening:
        if task.done():
            working.cancel()
            task.result()
    await working


async def _faults(system: System) -> None:
    chance = random.Random(f"listeners/{SEED}")
    for kind in FAULTS:
        await system.api.until_ready(120.0)
        await asyncio.sleep(chance.uniform(5.0, 9.0))  # listeners come back, and break off
        if kind == "mongo":
            pid = system.server_pid("mongo")
            if pid is not None:
                os.kill(pid, chance.choice((signal.SIGKILL, signal.SIGTERM)))
                await system.until_server_runs("mongo", other_than=pid)
            continue
        process = system.api if kind == "api" else chance.choice(system.running_workers())
        process.kill()
        await asyncio.sleep(chance.uniform(0.0, 3.0))
        await process.begin()
    await system.api.until_ready(120.0)


async def _settle(system: System, listeners: Sequence[Listener]) -> None:
    """Emitters end; all that they wrote is stored and told."""
    await asyncio.gather(*(emitter.end(90) for emitter in system.emitters))
    accounts, mongo = Accounts(system.accounts), open_mongo(system.servers)
    try:
        async with open_store(system.servers) as store:
            reader = Reader(mongo, store, accounts)
            await _until_stored(reader, accounts)
            await _until_told(reader, listeners)
    finally:
        await mongo.close()


async def _until_stored(reader: Reader, accounts: Accounts) -> None:
    deadline = monotonic() + _STORED_S
    while True:
        await reader.read_all()
        try:
            for who in accounts.lives:
                for stream, counts in accounts.counts(who).items():
                    chain = reader.chain(stream)
                    if counts.returned and chain is None:
                        raise Violation(7, stream, "nothing is readable")
                    if chain is not None and counts.begun:
                        missing_events(chain, who, counts)
            return
        except Violation:
            if monotonic() > deadline:
                raise
        await asyncio.sleep(0.5)


async def _until_told(reader: Reader, listeners: Sequence[Listener]) -> None:
    deadline = monotonic() + _STORED_S
    while True:
        await reader.read_all()
        chains = {
            one: [chain for stream in _of(one) if (chain := reader.chain(stream)) is not None] for one in listeners
        }
        lacking = [
            (one.name, chain, lacks) for one in listeners for chain in chains[one] if (lacks := one.lacks(chain))
        ]
        if not lacking:
            break
        if monotonic() > deadline:
            raise Violation(
                1, lacking[0][1], f"{lacking[0][0]} lacks {lacking[0][2]} events, and {len(lacking) - 1} more"
            )
        await asyncio.sleep(0.5)
    for one in listeners:
        for chain in chains[one]:
            one.check(chain)
