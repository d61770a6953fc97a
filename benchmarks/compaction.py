"""What one compactor moves in a second, beside the bare machine in the same run: `python -m benchmarks.compaction`.

Each case runs in a process of its own on a database and a bucket of its own; the compactor is the real one, in the
case's process, so that its own CPU time can be told from the servers'.

  move     8 metrics of 400,000 points (four floats that walk at random, an integer), hot in buckets of 500, all due.
           Bare: pyarrow writes the same tables with the same options, and aioboto3's client puts the same bytes, four
           at a time; and the same with the compactor's own put, which is faster
  join     a million cold points become one object. Bare: the same bytes are read and put, in the same pieces
  rate     a metric written at 20,000 points a second: the most points that are hot at once
  busy     the same while a worker works off a backlog of 1,000 other metrics
  parts    some points or fields of a large cold chunk. Bare: the whole chunk (chunk_parts.py)
  buckets  1,000 points in 1,000 buckets, read over HTTP. Bare: the same buckets by find()
"""

import argparse
import asyncio
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvloop

from mldash.connections.servers import Servers
from mldash.events.identity import Prefix, experiment_id, stream_id
from mldash.process.environment import to_variables
from mldash.process.log_output import LogSettings, set_up
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.compactor import Compactor
from mldash_compactor.instruments import events_moved
from mldash_compactor.settings import CompactorSettings
from mldash_ingest.documents import buckets
from mldash_ingest.documents.buckets import CHUNK, END_OF_STREAM, Bucket, to_document
from mldash_ingest.documents.columns import Column
from mldash_ingest.documents.mongo import Mongo, open_mongo
from mldash_ingest.documents.snapshot import Snapshot

from . import chunk_parts
from .case import Case, at_least, no_less, no_more, run_alone
from .cold_stream import load, name_stream
from .limits import objects as bare_objects
from .pipeline import free_ports, names_of_its_own, workers
from .pipeline import load as load_records
from .records import Source, in_turn
from .table import write

PREFIX = Prefix("bench/compaction/run")
FIELDS = ("loss", "accuracy", "rate", "norm")
SESSION = b"compaction bench"
STREAMS, POINTS, BUCKET = 8, 400_000, 500
RATE, SECONDS = 20_000, 30
BACKLOG = 16_000
"""Records of 500 points: of each stream 8,000."""

POLL_S = 0.02
NOT_YET = 1e12
"""A due time beyond every run: what is measured is made due when the clock begins."""


class HotStream:
    """A metric as a worker leaves it."""

    def __init__(self, mongo: Mongo, name: str) -> None:
        self.mongo, self.name = mongo, name
        self.experiment = experiment_id(PREFIX.text)
        self.id = stream_id(self.experiment, 0, "metrics", name)
        self.snapshot = Snapshot("metrics")
        self.random = np.random.default_rng(len(name))
        self.last = np.zeros(len(FIELDS))

    async def make(self) -> "HotStream":
        experiment = {"prefix": PREFIX.text, "gen": 0, "created_at": time.time()}
        await self.mongo.experiments.update_one({"_id": self.experiment}, {"$setOnInsert": experiment}, upsert=True)
        session = {"exp": self.experiment, "gen": 0, "prefix": PREFIX.text, "first_at": time.time()}
        await self.mongo.sessions.update_one({"_id": SESSION}, {"$setOnInsert": session}, upsert=True)
        document = {"_id": self.id, "exp": self.experiment, "gen": 0, "kind": "metrics", "name": self.name}
        await self.mongo.streams.insert_one({**document, "chunk": CHUNK, "next": 0, "cold": 0, "floor": 0})
        return self

    def bucket(self, count: int) -> Bucket:
        """The next points; the snapshot goes over them."""
        first = self.snapshot.next
        walks = self.last + np.cumsum(self.random.normal(size=(count, len(FIELDS))), axis=0)
        self.last = walks[-1]
        columns = [Column(name, "float64", walks[:, n].astype("<f8").tobytes()) for n, name in enumerate(FIELDS)]
        columns.append(Column("step", "int64", np.arange(first, first + count, dtype="<i8").tobytes()))
        times = time.time() + np.arange(count) * 1e-4
        made = Bucket(
            stream=self.id,
            kind="metrics",
            first_index=first,
            count=count,
            sources=[buckets.Source(SESSION, first, count)],
            t0=float(times[0]),
            t1=float(times[-1]),
            times=times.astype("<f8").tobytes(),
            columns=columns,
        )
        self.snapshot.advance(made)
        return made

    async def write_snapshot(self, due_at: float) -> None:
        fields = {**self.snapshot.to_update(), "due_at": due_at}
        await self.mongo.streams.update_one({"_id": self.id, "next": {"$lt": self.snapshot.next}}, {"$set": fields})

    async def fill(self, points: int, bucket: int = BUCKET) -> None:
        for first in range(0, points, 50 * bucket):
            count = min(50 * bucket, points - first) // bucket
            await self.mongo.buckets.insert_many([to_document(self.bucket(bucket)) for _ in range(count)])
        await self.write_snapshot(NOT_YET)


def settings_of(servers: Servers, **more: Any) -> CompactorSettings:
    return CompactorSettings(
        mongo=servers.mongo,
        mongo_database=servers.mongo_database,
        s3_endpoint=servers.s3_endpoint,
        s3_bucket=servers.s3_bucket,
        s3_access_key=servers.s3_access_key,
        s3_secret_key=servers.s3_secret_key,
        **{"poll_s": POLL_S, "idle_s": 3_600.0, **more},
    )


def store_of(servers: Servers) -> ObjectStore:
    return ObjectStore(
        endpoint=servers.s3_endpoint,
        bucket=servers.s3_bucket,
        access_key=servers.s3_access_key,
        secret_key=servers.s3_secret_key,
    )


@asynccontextmanager
async def compacting(servers: Servers) -> AsyncIterator[None]:
    """A compactor that has started: what it moves in a second is measured, not how long it takes to begin."""
    compactor, stop = Compactor(settings_of(servers)), asyncio.Event()
    running = asyncio.create_task(compactor.run(stop))

    async def ready() -> bool:
        return running.done() or await compactor.health() is None

    try:
        await until(ready)
        yield
    finally:
        stop.set()
        await running


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Another process, or another task of ours, makes it true."""
    while not await condition():  # noqa: ASYNC110
        await asyncio.sleep(POLL_S)


async def measure_move(servers: Servers, mongo: Mongo) -> dict[str, float]:
    """Points a second from the compactor's start to the last cold end; the clock of the bare machine after it."""
    streams = [await HotStream(mongo, f"m{number}").make() for number in range(STREAMS)]
    for stream in streams:
        await stream.fill(POINTS)
    await _begin_bucket(servers)
    async with compacting(servers):
        begun, cpu = time.perf_counter(), time.process_time()
        await mongo.streams.update_many({}, {"$set": {"due_at": 1.0}})

        async def all_cold() -> bool:  # asked of the compactor itself: asking MongoDB would keep it busy
            return bool(events_moved.labels("metrics")._value.get() >= STREAMS * POINTS)

        await until(all_cold)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    async with store_of(servers) as objects:
        chunks = [chunk for stream in streams for chunk in await manifest.live_chunks(mongo, stream.id, 0)]
        bare = await bare_objects.write_and_put(servers, objects, chunks)
    total = STREAMS * POINTS
    assert sum(chunk.live.bytes > 0 for chunk in chunks if chunk.live) * CHUNK == total
    return {
        "rate": total / seconds,
        "rate_a_core": total / cpu,
        "bare": total / (bare.write_s + bare.plain_put_s),
        "bare_own_put": total / (bare.write_s + bare.put_s),
        "bytes_a_point": bare.total_bytes / total,
        "plain_bytes_a_point": 8.0 * (len(FIELDS) + 2),
    }


async def _begin_bucket(servers: Servers) -> None:
    """The store makes room for a new bucket with its first objects, and lets all who come meanwhile wait up to seconds:
    no matter of the compactor, which has the same bucket for years."""
    data = b"room" * 75_000
    async with store_of(servers) as objects:
        for at_once in (1, 8, 32):
            keys = [f"room/{number}" for number in range(at_once)]
            await asyncio.gather(*(objects.put(key, data, crc32c(data)) for key in keys))
            await objects.delete(keys)


async def measure_join(servers: Servers, mongo: Mongo) -> dict[str, float]:
    """One span; until its mark."""
    stream = name_stream(PREFIX.text, "long")
    async with store_of(servers) as objects:
        await load(mongo, objects, stream, 100 * CHUNK, joined=False)
        chunks = await manifest.live_chunks(mongo, stream.id, 0)
        bare = await bare_objects.read_and_put(objects, chunks)
    async with compacting(servers):
        begun, cpu = time.perf_counter(), time.process_time()
        await mongo.streams.update_one({"_id": stream.id}, {"$set": {"due_at": 1.0}})

        async def marked() -> bool:
            document = await mongo.streams.find_one({"_id": stream.id}, {"joined": 1})
            return bool(document and document.get("joined"))

        await until(marked)
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    return {"rate": 1e6 / seconds, "rate_a_core": 1e6 / cpu, "bare": 1e6 / (bare.read_s + bare.put_s)}


async def measure_rate(servers: Servers, mongo: Mongo) -> dict[str, float]:
    """The most hot points, and how many were truly written in a second."""
    async with compacting(servers):
        return await _write_steadily(mongo, asyncio.Event())


async def measure_busy(servers: Servers, mongo: Mongo) -> dict[str, float]:
    """The same while a worker works off a backlog as fast as it can; no chunk of what it stores becomes full."""
    sources = [
        Source(PREFIX.text, "metrics", f"other-{number}", 1_000 * session + number)
        for session in range(4)
        for number in range(1_000)
    ]
    with tempfile.TemporaryDirectory() as folder, workers(servers, 1, Path(folder) / "log") as running:
        await running.until_assigned()
        running.pause()
        ends = await load_records(servers, in_turn(sources, BUCKET, BACKLOG))
        async with compacting(servers):
            begun, stored = time.perf_counter(), asyncio.Event()
            running.go_on()
            steady = asyncio.create_task(_write_steadily(mongo, stored))
            seconds = await running.until_stored(ends) - begun
            stored.set()
            found = await steady
    return {**found, "worker": BACKLOG * BUCKET / seconds}


async def _write_steadily(mongo: Mongo, enough: asyncio.Event) -> dict[str, float]:
    """A worker's writes at a steady rate: a bucket of 500 every 25 ms, a snapshot where a chunk is full."""
    stream = await HotStream(mongo, "steady").make()
    most = 0
    begun = time.perf_counter()
    for number in range(RATE * SECONDS // BUCKET):
        await asyncio.sleep(max(0.0, begun + number * BUCKET / RATE - time.perf_counter()))
        await mongo.buckets.insert_one(to_document(stream.bucket(BUCKET)))
        if stream.snapshot.next % CHUNK == 0:
            await stream.write_snapshot(time.time())
        if number % 8 == 0:
            most = max(most, await _hot_points(mongo, stream.id))
        if enough.is_set():
            break
    return {"most_hot": most, "rate": stream.snapshot.next / (time.perf_counter() - begun)}


async def _hot_points(mongo: Mongo, stream: bytes) -> int:
    """What lies in buckets, moved or not: the bound is on what MongoDB holds."""
    found = [one async for one in mongo.buckets.find({"s": stream, "kind": "metrics"}, {"n": 1})]
    return sum(one["n"] for one in found)


async def measure_buckets(servers: Servers, mongo: Mongo) -> dict[str, float]:
    """A slow stream: each point came alone. Medians of reads by the API in a process of its own."""
    stream = await HotStream(mongo, "slow").make()
    await stream.fill(1_000, bucket=1)
    query = {"_id": {"$gte": stream.id, "$lt": stream.id + END_OF_STREAM}}
    bare = []
    for _ in range(20):
        begun = time.perf_counter()
        assert len([one async for one in mongo.buckets.find(query).sort("_id", 1)]) == 1_000
        bare.append(time.perf_counter() - begun)
    return {"bare_ms": float(np.median(bare)) * 1e3, "read_ms": await asyncio.to_thread(_read_over_http, servers)}


def _read_over_http(servers: Servers) -> float:
    """The median of a hundred reads, in milliseconds, on one connection."""
    port = free_ports(1)[0]
    variables = {**os.environ, **to_variables(servers, ""), "MLDASH_API_PORT": str(port)}
    process = subprocess.Popen([sys.executable, "-P", "-m", "mldash", "api"], env=variables, stderr=subprocess.DEVNULL)
    try:
        return _median_of_reads(port)
    finally:
        process.terminate()
        process.wait(30)


def _median_of_reads(port: int) -> float:
    path = f"/v1/metrics/points?prefix={PREFIX.text}&name=slow&start_index=0&limit=1000"
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    deadline = time.monotonic() + 60
    while True:
        try:
            connection.request("GET", "/readyz")
            if connection.getresponse().read() is not None:
                break
        except OSError:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(POLL_S)
    took = []
    for _ in range(100):
        begun = time.perf_counter()
        connection.request("GET", path)
        answer = json.loads(connection.getresponse().read())
        took.append(time.perf_counter() - begun)
        assert answer["total"] == 1_000, answer
    connection.close()
    return float(np.median(took)) * 1e3


async def measure_parts(servers: Servers, mongo: Mongo) -> dict[str, float]:
    async with store_of(servers) as objects:
        return await chunk_parts.measure(objects)


MEASURES = {
    "move": measure_move,
    "join": measure_join,
    "rate": measure_rate,
    "busy": measure_busy,
    "parts": measure_parts,
    "buckets": measure_buckets,
}


def cases_of(name: str, found: dict[str, float]) -> list[Case]:
    if name == "move":
        return [
            at_least("move", found["rate"], "points/s", found["bare"], 0.5),
            at_least("move, a core of the compactor's own", found["rate_a_core"], "points/s", found["bare"], None),
            at_least("move, bare write and put", found["bare"], "points/s", found["bare"], None),
            at_least(
                "move, beside the put that it uses itself", found["rate"], "points/s", found["bare_own_put"], None
            ),
            no_more("bytes a point in S3", found["bytes_a_point"], "bytes", found["plain_bytes_a_point"]),
        ]
    if name == "join":
        return [
            at_least("join", found["rate"], "points/s", found["bare"], None),
            at_least("join, a core of the compactor's own", found["rate_a_core"], "points/s", found["bare"], None),
        ]
    if name == "parts":
        return chunk_parts.cases(found)
    if name == "rate":
        return [
            no_more("most hot points at 20,000 points/s", found["most_hot"], "points", 60_000),
            no_less("points written meanwhile", found["rate"], "points/s"),
        ]
    if name == "busy":
        return [
            no_more("most hot points at 20,000 points/s, beside a worker", found["most_hot"], "points", 60_000),
            no_less("points written meanwhile, beside a worker", found["rate"], "points/s"),
            no_less("what the worker stores meanwhile", found["worker"], "points/s"),
        ]
    return [
        no_more("1,000 points in 1,000 buckets", found["read_ms"], "ms", 25.0),
        no_more("1,000 points in 1,000 buckets, bare find", found["bare_ms"], "ms"),
    ]


async def measure(name: str, data: str) -> dict[str, float]:
    async with names_of_its_own(data) as servers:
        mongo = open_mongo(servers)
        try:
            return await MEASURES[name](servers, mongo)
        finally:
            await mongo.close()


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.case:
        set_up(LogSettings(level="warning"), "compactor")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the service has it
            print(json.dumps(runner.run(measure(given.case, given.data))))
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        data = given.data or folder
        if not given.data:
            _mldash("up", "--servers-only", "--detach", "--data", data)
        try:
            for name in given.only.split(",") if given.only else MEASURES:
                found = run_alone("benchmarks.compaction", ["--case", name, "--data", data], given.repeat)
                write("compaction", cases_of(name, found))
        finally:
            if not given.data:
                _mldash("down", "--data", data)


def _mldash(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "mldash", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
