"""What reads cost over HTTP, beside a bare read of the same bytes in the same run: `python -m benchmarks.read`.

Each case runs in a process of its own, with an API of its own (`mldash api`), so that nothing is in its caches; the
servers are on the same machine. Medians, until the answer's last byte is there. The streams (read_streams.py) are made
once, some minutes for the long one, and kept with `--data`.

  last       the last 1,000 points of 100,000,000 · bare: one find of the same buckets
  middle     10,000 points from anywhere in the cold part, whose chunks nobody has read · bare: a range request and a
             Parquet decode of each chunk that holds them
  warm       the same 10,000 again and again
  whole      a view of 1,000 pixel columns of all · bare: one find of the documents that it is made of
  tenth      of a random tenth, another each time · part: of random 50,000 points
  short      the view of all of a stream of 1,000,000, which `whole` is held against
  tiny       1,000 points in 1,000 buckets · bare: one find of them
  track      100 entries from the middle of 1,000,000 in time order · late: one late entry in each chunk
  export     10,000,000 points as Arrow, and what the API's memory grows by meanwhile
"""

import argparse
import asyncio
import http.client
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlencode

import psutil

from mldash.compactor.chunks import manifest
from mldash.compactor.chunks.levels import block_id
from mldash.compactor.chunks.s3 import open_store
from mldash.configuration import addresses_of_stack
from mldash.deploy.servers import Servers
from mldash.ingest_workers.documents.buckets import CHUNK
from mldash.ingest_workers.documents.mongo import Mongo
from mldash.producer.environment import to_variables

from .case import Case, at_most, no_less, no_more, run_alone
from .cold_stream import name_stream
from .limits import reads
from .pipeline import free_ports
from .read_streams import (
    BEGIN,
    ENTRIES_A_SECOND,
    HOT_POINTS,
    LONG,
    SHORT,
    SHORT_POINTS,
    TINY,
    TINY_POINTS,
    TRACK_CHUNKS,
    TRACKS,
    make_all,
)
from .table import write

NAMES: Final = "mldashbenchread"
POINTS: Final = 100_000_000
EXPORTED: Final = 10_000_000
_START_S: Final = 30.0

Query = dict[str, Any]


class Api:
    """`mldash api` on these servers, and one connection to it."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = psutil.Process(process.pid)
        self.address = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def ask(self, path: str, query: Query) -> float:
        """Seconds to the answer's last byte."""
        begun = time.perf_counter()
        target = f"{path}?{urlencode(query, doseq=True)}"
        self._connection.request("GET", target, headers={"Accept": "application/msgpack"})
        answer = self._connection.getresponse()
        while answer.read(1 << 20):
            pass
        seconds = time.perf_counter() - begun
        if answer.status != 200:
            raise RuntimeError(f"{path} {query}: {answer.status}")
        return seconds

    def hang_up(self) -> None:
        """The next request opens the connection anew."""
        self._connection.close()

    def several(self, path: str, query: Callable[[], Query], repeat: int) -> float:
        return statistics.median(self.ask(path, query()) for _ in range(repeat))


@contextmanager
def api(servers: Servers) -> Iterator[Api]:
    """Ready: it answers, and the modules that it loads when first used are loaded."""
    (port,) = free_ports(1)
    command = [sys.executable, "-P", "-m", "mldash", "api"]
    variables = {**os.environ, **to_variables(servers, ""), "MLDASH_API_PORT": str(port)}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        made = Api(process, port)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                made.ask("/v1/metrics/points", {"prefix": SHORT, "name": "train", "limit": 10})
                break
            except OSError:
                made.hang_up()
                if time.monotonic() > deadline or process.poll() is not None:
                    raise
                time.sleep(0.05)
        made.ask("/v1/metrics/view", {"prefix": SHORT, "name": "train", "start": 0, "end": 2_000})
        yield made
    finally:
        process.terminate()
        process.wait(30)


def last(servers: Servers, points: int) -> dict[str, float]:
    end = points + HOT_POINTS
    query = {"prefix": LONG, "name": "train", "start_index": end - 1_000, "limit": 1_000}
    with api(servers) as one:
        took = one.several("/v1/metrics/points", lambda: query, 50)
    stream = name_stream(LONG, "train").id
    bare = reads.find_seconds(servers.mongo, servers.mongo_database, stream, end - 1_000, end, 50)
    return {"took": took, "bare": statistics.median(bare)}


def middle(servers: Servers, points: int) -> dict[str, float]:
    """Each range is new, to the API and, in chunks of its own, to the bare read."""
    draw = random.Random(1)
    starts = [k * CHUNK + draw.randrange(CHUNK) for k in draw.sample(range(points // CHUNK - 2), 60)]
    query = iter({"prefix": LONG, "name": "train", "start_index": at, "limit": CHUNK} for at in starts[:30])
    with api(servers) as one:
        took = one.several("/v1/metrics/points", lambda: next(query), 30)
    return {"took": took, "bare": statistics.median(asyncio.run(_bare_chunks(servers, starts[30:])))}


async def _bare_chunks(servers: Servers, starts: list[int]) -> list[float]:
    mongo, took = Mongo(servers.mongo, servers.mongo_database), list[float]()
    async with open_store(servers) as objects:
        for start in starts:
            k = start // CHUNK
            chunks = await manifest.live_chunks(mongo, name_stream(LONG, "train").id, k, k + 1)
            took.append(await reads.chunk_seconds(objects, [chunk.live for chunk in chunks if chunk.live]))
    await mongo.close()
    return took[1:]  # the first one opens the connections


def warm(servers: Servers, points: int) -> dict[str, float]:
    query = {"prefix": LONG, "name": "train", "start_index": points // 2 + 1_234, "limit": CHUNK}
    with api(servers) as one:
        one.ask("/v1/metrics/points", query)
        return {"took": one.several("/v1/metrics/points", lambda: query, 50)}


def whole(servers: Servers, points: int) -> dict[str, float]:
    query = {"prefix": LONG, "name": "train", "fields": "loss"}
    with api(servers) as one:
        took = one.several("/v1/metrics/view", lambda: query, 30)
    stream = name_stream(LONG, "train").id
    low, high = block_id(stream, 1, 0), block_id(stream, 1, max(0, points // 10_000_000 - 1))
    bare = reads.levels_seconds(servers.mongo, servers.mongo_database, low, high, 30)
    return {"took": took, "bare": statistics.median(bare)}


def short(servers: Servers, points: int) -> dict[str, float]:
    query = {"prefix": SHORT, "name": "train", "fields": "loss", "end": SHORT_POINTS - 1}
    with api(servers) as one:
        return {"took": one.several("/v1/metrics/view", lambda: query, 30)}


def tenth(servers: Servers, points: int) -> dict[str, float]:
    return _random_view(servers, points, points // 10)


def part(servers: Servers, points: int) -> dict[str, float]:
    return _random_view(servers, points, 50_000)


def _random_view(servers: Servers, points: int, width: int) -> dict[str, float]:
    draw = random.Random(2)

    def query() -> Query:
        start = draw.randrange(points - width)
        return {"prefix": LONG, "name": "train", "fields": "loss", "start": start, "end": start + width - 1}

    with api(servers) as one:
        return {"took": one.several("/v1/metrics/view", query, 30)}


def tiny(servers: Servers, points: int) -> dict[str, float]:
    with api(servers) as one:
        took = one.several("/v1/metrics/points", lambda: {"prefix": TINY, "name": "train", "limit": TINY_POINTS}, 30)
    stream = name_stream(TINY, "train").id
    bare = reads.find_seconds(servers.mongo, servers.mongo_database, stream, 0, TINY_POINTS, 30)
    return {"took": took, "bare": statistics.median(bare)}


def track(servers: Servers, points: int) -> dict[str, float]:
    return _entries(servers, "track", 30)


def late(servers: Servers, points: int) -> dict[str, float]:
    return _entries(servers, "late", 5)


def _entries(servers: Servers, topic: str, repeat: int) -> dict[str, float]:
    """One second of a long track, another each time."""
    draw = random.Random(3)

    def query() -> Query:
        start = BEGIN + draw.randrange(TRACK_CHUNKS * CHUNK // ENTRIES_A_SECOND - 1) + 0.5 / ENTRIES_A_SECOND
        return {"prefix": TRACKS, "topic": topic, "start": start, "end": start + 1}

    with api(servers) as one:
        first = one.ask("/v1/tracks/entries", query())
        return {"took": one.several("/v1/tracks/entries", query, repeat), "first": first}


def export(servers: Servers, points: int) -> dict[str, float]:
    count = min(EXPORTED, points)
    with api(servers) as one:
        one.ask("/v1/metrics/export", {"prefix": LONG, "name": "train", "format": "arrow", "limit": count // 10})
        before = one.process.memory_info().rss
        took = one.ask("/v1/metrics/export", {"prefix": LONG, "name": "train", "format": "arrow", "limit": count})
        return {"took": took, "rate": count / took, "grown": max(0, one.process.memory_info().rss - before)}


CASES: Final = {one.__name__: one for one in (last, middle, warm, whole, short, tenth, part, tiny, track, late, export)}


def figures(found: dict[str, dict[str, float]]) -> list[Case]:
    cases = list[Case]()
    most = {"last": 10, "warm": 10, "whole": 150, "tenth": 150, "part": 150, "tiny": 25}
    for name, one in found.items():
        if name == "export":
            cases.append(no_less("export, 10,000,000 points as Arrow", one["rate"], "points/s"))
            cases.append(no_more("export, memory grown by", one["grown"] / 1e6, "MB", 300))
            continue
        milliseconds, bare = one["took"] * 1e3, one.get("bare")
        if bare is not None:
            cases.append(
                at_most(f"{name}, beside bare", milliseconds, "ms", bare * 1e3, 4 if name == "middle" else None)
            )
        if "first" in one:
            cases.append(no_more(f"{name}, the first in an API's life", one["first"] * 1e3, "ms"))
        if name in most or bare is None:
            cases.append(no_more(name, milliseconds, "ms", most.get(name)))
    if {"whole", "short"} <= found.keys():
        ratio = at_most("whole, beside short", found["whole"]["took"] * 1e3, "ms", found["short"]["took"] * 1e3, 2)
        cases.append(ratio)
    return cases


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", help="the folder of a running stack; without it one is started and stopped")
    parser.add_argument("--points", type=int, default=POINTS, help="of the long stream, millions")
    parser.add_argument("--only", help="cases, by comma")
    parser.add_argument("--make", action="store_true", help="make the streams and measure nothing")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        print(json.dumps(CASES[arguments.case](servers_of(arguments.data), arguments.points)))
        return
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        data = arguments.data or folder
        if not arguments.data:
            mldash("up", "--servers-only", "--detach", "--data", data)
        try:
            make_all(servers_of(data), arguments.points)
            if not arguments.make:
                _run(data, arguments)
        finally:
            if not arguments.data:
                mldash("down", "--data", data)


def _run(data: str, arguments: argparse.Namespace) -> None:
    found = dict[str, dict[str, float]]()
    for name in arguments.only.split(",") if arguments.only else CASES:
        options = ["--case", name, "--data", data, "--points", str(arguments.points)]
        found[name] = run_alone("benchmarks.read", options)
    write("read", figures(found))


def servers_of(data: str) -> Servers:
    known: dict[str, Any] = addresses_of_stack(Servers, "servers", data)
    return Servers(**{**known, "topic_prefix": NAMES, "mongo_database": NAMES, "s3_bucket": NAMES})


def mldash(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "mldash", *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
