"""What one worker stores in a second, beside the bare servers in the same run: `python -m benchmarks.ingest`.

Each case runs in a process of its own on topics and a database of its own; workers are `mldash worker` processes. They
are held while the records are loaded, so that a rate is that of the worker, Kafka and MongoDB alone, on one machine.

  metrics   points of four floats, 1,000 streams of 4 sessions, 500 points a record
  few       the same of 16 streams, 1,000 points a record: the buckets are as large as they get
  tracks    entries of 1,000 topics, of which half merge into the other half
  lines     log lines of about eighty bytes of 200 experiments
  two       metrics again, with two worker processes
  streams   100,000 streams of 1,000 experiments, records of 20 points, after a first batch of each
  sessions  one stream that 1,000 sessions write, records of 20 points

The bare figure is the slower of an aiokafka fetch of the same records and an insert_many of the same documents, as many
in one call as the worker's batches hold on average (log lines, streams and sessions: of insert_many alone).
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from mldash.connections.servers import Servers

from .case import Case, at_least, no_more, run_alone
from .limits import kafka, mongo
from .pipeline import load, names_of_its_own, workers
from .records import Kind, Source, in_turn
from .stack import running_stack
from .table import write


class Load(Struct, frozen=True, kw_only=True):
    """What a case sends."""

    kind: Kind
    sources: Callable[[], list[Source]]
    events: int  # a record
    records: int
    first: int = 0  # records before the clock starts
    processes: int = 1


def _few(kind: Kind, streams: int, sessions: int) -> Callable[[], list[Source]]:
    def made() -> list[Source]:
        names = [""] * streams if kind == "logs" else [f"stream-{i}" for i in range(streams)]
        prefixes = [f"bench/ingest/run-{i}" if kind == "logs" else "bench/ingest/run" for i in range(streams)]
        return [
            Source(prefix, kind, name, 1_000 * session + i)
            for session in range(sessions)
            for i, (prefix, name) in enumerate(zip(prefixes, names, strict=True))
        ]

    return made


def _many(experiments: int, streams: int) -> Callable[[], list[Source]]:
    def made() -> list[Source]:
        return [
            Source(f"bench/ingest/run-{e}", "metrics", f"stream-{s}", e)
            for s in range(streams)
            for e in range(experiments)
        ]

    return made


LOADS = {
    "metrics": Load(kind="metrics", sources=_few("metrics", 1_000, 4), events=500, records=24_000, first=4_000),
    "few": Load(kind="metrics", sources=_few("metrics", 16, 4), events=1_000, records=12_000, first=256),
    "tracks": Load(kind="tracks", sources=_few("tracks", 1_000, 4), events=500, records=24_000, first=4_000),
    "lines": Load(kind="logs", sources=_few("logs", 200, 4), events=100, records=60_000, first=800),
    "two": Load(
        kind="metrics", sources=_few("metrics", 1_000, 4), events=500, records=24_000, first=4_000, processes=2
    ),
    "streams": Load(kind="metrics", sources=_many(1_000, 100), events=20, records=200_000, first=100_000),
    "sessions": Load(kind="metrics", sources=_few("metrics", 1, 1_000), events=20, records=20_000, first=2_000),
}
GOALS = {"metrics": 0.5, "few": 0.5, "tracks": 0.35, "lines": 0.6, "two": 0.9, "streams": 0.5, "sessions": 0.5}


async def measure(name: str, data: str, scale: float) -> dict[str, float]:
    """Rates, events a second, of the worker and of the bare machine; resident bytes, the largest stream document."""
    what = LOADS[name]
    sources = what.sources()
    async with names_of_its_own(data) as servers:
        with tempfile.TemporaryDirectory() as folder, workers(servers, what.processes, Path(folder) / "log") as running:
            await running.until_assigned()
            first = await load(servers, in_turn(sources, what.events, what.first))
            await running.until_stored(first)
            before = running.reading("mldash_worker_batch_seconds_count")
            running.pause()
            records = round(what.records * scale)
            ends = await load(servers, in_turn(sources, what.events, records))
            cpu, begun = running.cpu_seconds, time.perf_counter()
            running.go_on()
            seconds = await running.until_stored(ends) - begun
            cpu = running.cpu_seconds - cpu
            batches = running.reading("mldash_worker_batch_seconds_count") - before
            resident = running.resident_bytes
        count = await _documents(servers, records * what.events)
        a_batch = max(1, round(count / batches))
        bare = await asyncio.to_thread(
            mongo.insert_seconds, servers.mongo, servers.mongo_database, "buckets", count, a_batch
        )
        fetch = await kafka.fetch_seconds(servers.kafka, first, ends)
        largest = await _largest_stream(servers)
    events = records * what.events
    return {
        "rate": events / seconds,
        "insert": events / bare,
        "fetch": events / fetch,
        "cpu_s": cpu / seconds,
        "documents_a_batch": a_batch,
        "resident": resident,
        "largest_stream": largest,
    }


async def _documents(servers: Servers, events: int) -> int:
    """How many of the newest buckets hold so many events."""
    from pymongo import MongoClient

    client: MongoClient[dict[str, Any]] = MongoClient(servers.mongo)
    with client:
        found = held = 0
        for one in client[servers.mongo_database]["buckets"].find({}, {"n": 1}, sort=[("$natural", -1)]):
            found, held = found + 1, held + one["n"]
            if held >= events:
                break
    return found


async def _largest_stream(servers: Servers) -> float:
    from pymongo import MongoClient

    sizes: list[dict[str, Any]] = [
        {"$project": {"size": {"$bsonSize": "$$ROOT"}}},
        {"$group": {"_id": None, "most": {"$max": "$size"}}},
    ]
    client: MongoClient[dict[str, Any]] = MongoClient(servers.mongo)
    with client:
        return float(next(client[servers.mongo_database]["streams"].aggregate(sizes))["most"])


def cases_of(name: str, found: dict[str, float], one: float | None) -> list[Case]:
    kind = LOADS[name].kind
    unit = {"metrics": "points/s", "tracks": "entries/s", "logs": "lines/s"}[kind]
    bare = min(found["insert"], found["fetch"]) if name in ("metrics", "few", "tracks") else found["insert"]
    if name == "two":
        return [] if one is None else [at_least("two processes, against one", found["rate"], unit, one, GOALS[name])]
    cases = [
        at_least(f"{name}", found["rate"], unit, bare, GOALS[name]),
        at_least(f"{name}, bare insert_many", found["insert"], unit, found["insert"], None),
        at_least(f"{name}, bare fetch", found["fetch"], unit, found["fetch"], None),
        no_more(f"{name}, resident", found["resident"] / 1e6, "MB", 500),
    ]
    if name in ("streams", "sessions"):
        cases.append(no_more(f"{name}, largest stream document", found["largest_stream"] / 1e6, "MB", 2))
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="of the records sent")
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(asyncio.run(measure(arguments.case, arguments.data, arguments.scale))))
        return
    names = arguments.only.split(",") if arguments.only else list(LOADS)
    with running_stack(arguments.data, "--servers-only") as data:
        _run(names, data, arguments)


def _run(names: list[str], data: str, arguments: argparse.Namespace) -> None:
    one: float | None = None
    for name in names:
        options = ["--case", name, "--data", data, "--scale", str(arguments.scale)]
        found = run_alone("benchmarks.ingest", options, arguments.repeat)
        one = found["rate"] if name == "metrics" else one
        print(
            f"  {name}: {found['documents_a_batch']:.0f} documents a batch, {found['cpu_s']:.2f} cores", file=sys.stderr
        )
        write("ingest", cases_of(name, found, one))


if __name__ == "__main__":
    main()
