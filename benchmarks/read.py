"""What reads cost over HTTP, beside a bare read of the same bytes in the same run: `python -m benchmarks.read`.

Each case runs in a process of its own, with an API of its own (`mldash api`), so that nothing is in its caches; the
servers are on the same machine. Medians, until the answer's last byte is there. The streams (read_streams.py) are made
once, some minutes for the long one, and kept with `--data`.

  last       the last 1,000 points of 100,000,000 · bare: one find of the same buckets
  middle     10,000 points from anywhere in the cold part, whose chunks nobody has read · bare: a range request and a
             Parquet decode of each chunk that holds them
  warm       the same 10,000 again and again · bare: one find of the documents of the chunks that hold them
  whole      a view of 1,000 pixel columns of all · bare: one find of the documents that it is made of
  tenth      of a random tenth, another each time · bare: likewise
  part       of random 50,000 points · bare: a range request and a decode of each chunk that holds them
  short      the view of all of a stream of 1,000,000, which `whole` is held against · bare: a range request of the
             summaries of its object
  tiny       1,000 points in 1,000 buckets · bare: one find of them
  track      100 entries from the middle of 1,000,000 in time order · late: one late entry in each chunk · bare: a range
             request and a decode of each chunk that holds them, beside the first read in an API's life
  export     10,000,000 points as Arrow · bare: range requests and decodes of their chunks, eight at once, and the same
             bytes of Arrow written · what the API's memory grows to, beside the same of a tenth of the points
  files      1,000,000 entries of the track in each format, likewise
"""

import argparse
import asyncio
import json
import random
import statistics
from typing import Final

from mldash.connections.servers import Servers
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.levels import SPAN, block_id
from mldash_compactor.chunks.s3 import open_store
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.mongo import open_mongo

from .api_process import Query, api, servers_of
from .case import Case, at_most, no_more, run_alone
from .cold_stream import BEGIN, name_stream
from .limits import reads
from .read_exports import export, export_figures, file_figures, files
from .read_streams import (
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
from .stack import running_stack
from .table import write

POINTS: Final = 100_000_000


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
    return {"took": took, "bare": statistics.median(asyncio.run(_bare_chunks(servers, LONG, "train", starts[30:], 2)))}


async def _bare_chunks(
    servers: Servers, prefix: str, name: str, starts: list[int], count: int, kind: str = "metrics"
) -> list[float]:
    """So many chunks from each of these indices on."""
    mongo, took = open_mongo(servers), list[float]()
    async with open_store(servers) as objects:
        for start in starts:
            k = start // CHUNK
            chunks = await manifest.live_chunks(mongo, name_stream(prefix, name, kind).id, k, k + count - 1)
            took.append(await reads.chunk_seconds(objects, [chunk.live for chunk in chunks if chunk.live]))
    await mongo.close()
    return took[1:]  # the first one opens the connections


def warm(servers: Servers, points: int) -> dict[str, float]:
    query = {"prefix": LONG, "name": "train", "start_index": points // 2 + 1_234, "limit": CHUNK}
    with api(servers) as one:
        one.ask("/v1/metrics/points", query)
        took = one.several("/v1/metrics/points", lambda: query, 50)
    k, stream = (points // 2 + 1_234) // CHUNK, name_stream(LONG, "train").id
    bare = reads.chunks_seconds(servers.mongo, servers.mongo_database, stream, k, k + 1, 50)
    return {"took": took, "bare": statistics.median(bare)}


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
        took = one.several("/v1/metrics/view", lambda: query, 30)
    return {"took": took, "bare": statistics.median(asyncio.run(_bare_summaries(servers)))}


async def _bare_summaries(servers: Servers) -> list[float]:
    mongo, took = open_mongo(servers), list[float]()
    async with open_store(servers) as objects:
        (chunk,) = await manifest.live_chunks(mongo, name_stream(SHORT, "train").id, 0, 0)
        assert chunk.live is not None
        assert chunk.live.joined is not None
        place = chunk.live.joined
        for _ in range(31):
            took.append(await reads.range_seconds(objects, chunk.live.key, place.blocks_offset, place.blocks_bytes))
    await mongo.close()
    return took[1:]


def tenth(servers: Servers, points: int) -> dict[str, float]:
    width, stream = points // 10, name_stream(LONG, "train").id
    took = _random_view(servers, points, width)
    first = random.Random(5).randrange(points - width) // SPAN
    low, high = block_id(stream, 0, first), block_id(stream, 0, first + width // SPAN)
    bare = reads.levels_seconds(servers.mongo, servers.mongo_database, low, high, 30)
    return {"took": took, "bare": statistics.median(bare)}


def part(servers: Servers, points: int) -> dict[str, float]:
    width, draw = 50_000, random.Random(6)
    took = _random_view(servers, points, width)
    starts = [draw.randrange(points - width) // CHUNK * CHUNK for _ in range(31)]
    return {"took": took, "bare": statistics.median(asyncio.run(_bare_chunks(servers, LONG, "train", starts, 5)))}


def _random_view(servers: Servers, points: int, width: int) -> float:
    draw = random.Random(2)

    def query() -> Query:
        start = draw.randrange(points - width)
        return {"prefix": LONG, "name": "train", "fields": "loss", "start": start, "end": start + width - 1}

    with api(servers) as one:
        return one.several("/v1/metrics/view", query, 30)


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
        took = one.several("/v1/tracks/entries", query, repeat)
    whole = topic == "late"  # a chunk that has an entry of the very first time reaches over all of it
    starts = [0] * 3 if whole else [draw.randrange(TRACK_CHUNKS) * CHUNK for _ in range(11)]
    bare = _bare_chunks(servers, TRACKS, topic, starts, TRACK_CHUNKS if whole else 1, "tracks")
    return {"took": took, "first": first, "bare": statistics.median(asyncio.run(bare))}


CASES: Final = {
    one.__name__: one for one in (last, middle, warm, whole, short, tenth, part, tiny, track, late, export, files)
}


def figures(found: dict[str, dict[str, float]]) -> list[Case]:
    cases = list[Case]()
    most = {"last": 10, "warm": 10, "whole": 150, "tenth": 150, "part": 150, "tiny": 25}
    for name, one in found.items():
        if name in ("export", "files"):
            cases += export_figures(one) if name == "export" else file_figures(one)
            continue
        milliseconds, bare = one["took"] * 1e3, one.get("bare")
        if "first" in one:
            first, bare = one["first"] * 1e3, None
            cases.append(at_most(f"{name}, the first in an API's life", first, "ms", one["bare"] * 1e3, None))
        if bare is not None:
            cases.append(
                at_most(f"{name}, beside bare", milliseconds, "ms", bare * 1e3, 4 if name == "middle" else None)
            )
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
    with running_stack(arguments.data, "--servers-only") as data:
        make_all(servers_of(data), arguments.points)
        if not arguments.make:
            _run(data, arguments)


def _run(data: str, arguments: argparse.Namespace) -> None:
    found = dict[str, dict[str, float]]()
    for name in arguments.only.split(",") if arguments.only else CASES:
        options = ["--case", name, "--data", data, "--points", str(arguments.points)]
        found[name] = run_alone("benchmarks.read", options)
    write("read", figures(found))


if __name__ == "__main__":
    main()
