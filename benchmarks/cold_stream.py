"""A long stream that is cold from its first point to its last, made by the compactor's own code in minutes.

`python -m benchmarks.cold_stream PREFIX [--name train] [--points 100000000]`, with servers by MLDASH_MONGO,
MLDASH_S3_ENDPOINT, … as `mldash env` prints them.

What is there afterwards is what the compactor leaves: objects of a million points each, a manifest entry a chunk,
levels over them, and a stream document with its snapshot. Points have two fields: `loss`, which falls and wanders,
with a spike here and there, and `step`, an integer; they are the same for the same seed.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from mldash.events.identity import Prefix, experiment_id, parse_prefix, stream_id
from mldash_compactor.chunks import checksum, keys, points
from mldash_compactor.chunks.joined import join
from mldash_compactor.chunks.levels import RECORDS, SPAN
from mldash_compactor.chunks.manifest import Chunk, Live, to_document
from mldash_compactor.chunks.parquet.metadata import Metadata
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.moving.join import write_levels
from mldash_ingest.documents.buckets import CHUNK, Source
from mldash_ingest.documents.columns import Column
from mldash_ingest.documents.mongo import Mongo

SESSION = b"cold stream load"
BEGIN = 1_700_000_000.0
SECONDS_A_POINT = 0.001


class Stream(NamedTuple):
    """Which stream is made."""

    prefix: Prefix
    name: str | None
    id: bytes
    experiment: bytes


def name_stream(prefix: str, name: str | None, kind: str = "metrics") -> Stream:
    """By the names that its reader uses."""
    parsed = parse_prefix(prefix)
    experiment = experiment_id(parsed.text)
    return Stream(parsed, name, stream_id(experiment, 0, kind, name), experiment)


def columns_of_chunk(k: int, rows: int = CHUNK, seed: int = 7) -> list[Column]:
    """The fields of chunk k: each chunk goes on where a smooth curve is, so that chunks can be made side by side."""
    random = np.random.default_rng([seed, k])
    index = np.arange(k * CHUNK, k * CHUNK + rows)
    loss = 2.0 * np.exp(-index / 3e7) + 0.1 * np.sin(index / 5e4) + np.cumsum(random.normal(0, 1e-3, rows))
    loss[random.integers(0, rows)] += random.normal(0, 3)  # a spike a chunk, which no chart may lose
    return [
        Column("loss", "float64", loss.astype("<f8").tobytes()),
        Column("step", "int64", index.astype("<i8").tobytes()),
    ]


def times_of_chunk(k: int, rows: int = CHUNK) -> NDArray[np.float64]:
    return np.asarray(BEGIN + np.arange(k * CHUNK, k * CHUNK + rows) * SECONDS_A_POINT, np.float64)


class Made(NamedTuple):
    """The chunks of one span: their bytes, end to end in one object or apart, and their manifest entries."""

    span: int
    data: list[tuple[str, bytes, int]]
    chunks: list[Chunk]
    statistics: dict[str, tuple[float, float, float, Any]]


def make_span(stream: Stream, span: int, chunk_count: int, joined: bool) -> Made:
    """Encode the chunks of a span. Runs in a process of its own."""
    chunks, parts, sums = list[Chunk](), list[bytes](), dict[str, list[NDArray[Any]]]()
    for k in range(span * RECORDS, span * RECORDS + chunk_count):
        columns, times = columns_of_chunk(k), times_of_chunk(k)
        for column in columns:
            kind = "<f8" if column.type == "float64" else "<i8"
            sums.setdefault(column.name, []).append(np.frombuffer(column.data, kind))
        encoded = points.encode(
            Cold(first_index=k * CHUNK, count=CHUNK, times=times.astype("<f8").tobytes(), columns=columns),
            _metadata(stream, k),
        )
        live = Live(
            key=keys.object_key(stream.prefix, keys.KeyParts(stream.id, 0, k, 1)),
            end=(k + 1) * CHUNK,
            crc32c=checksum.crc32c(encoded.data),
            bytes=len(encoded.data),
            schema=encoded.packed_schema(),
            summaries=encoded.packed_summaries(),
            t0=float(times[0]),
            t1=float(times[-1]),
            tail_bytes=encoded.tail_bytes,
            tail_crc32c=checksum.crc32c(encoded.data[-encoded.tail_bytes :]),
        )
        parts.append(encoded.data)
        chunks.append(Chunk(stream=stream.id, k=k, epoch=1, owner="loader", until=None, want=live.end, live=live))
    statistics = {
        name: (float(np.add.accumulate(all_)[-1]), all_.min().item(), all_.max().item(), all_[-1].item())
        for name, values in sums.items()
        for all_ in [np.concatenate(values)]
    }
    if joined and chunk_count > 1:
        return Made(span, *_joined(stream, chunks, parts), statistics)
    data = [(chunk.live.key, part, chunk.live.crc32c) for chunk, part in zip(chunks, parts, strict=True) if chunk.live]
    return Made(span, data, chunks, statistics)


def _joined(
    stream: Stream, chunks: Sequence[Chunk], parts: Sequence[bytes]
) -> tuple[list[tuple[str, bytes, int]], list[Chunk]]:
    made = join(parts)
    key = keys.object_key(stream.prefix, keys.KeyParts(stream.id, 0, chunks[0].k, 2, len(chunks)))
    moved = [
        structs.replace(
            chunk,
            epoch=2,
            live=structs.replace(chunk.live, key=key, offset=offset, joined=made.joined),  # type: ignore[type-var]
        )
        for chunk, offset in zip(chunks, made.offsets, strict=True)
    ]
    return [(key, made.data, checksum.crc32c(made.data))], moved


def _metadata(stream: Stream, k: int) -> Metadata:
    return Metadata(
        prefix=stream.prefix.text,
        kind="metrics",
        name=stream.name,
        stream=stream.id,
        generation=0,
        k=k,
        first_index=k * CHUNK,
        end_index=(k + 1) * CHUNK,
        sources=[Source(SESSION, k * CHUNK, CHUNK)],
        cuts=list(range(k * CHUNK, (k + 1) * CHUNK, 500)),
    )


async def load(
    mongo: Mongo,
    objects: ObjectStore,
    stream: Stream,
    point_count: int,
    *,
    joined: bool = True,
    processes: int = 1,
    told: Callable[[int], None] = lambda _: None,
) -> None:
    """Make the stream, `point_count` points long, a multiple of 10,000. `joined` False: as if none was joined yet."""
    if point_count % CHUNK:
        raise ValueError(f"a cold stream has whole chunks: {point_count} is no multiple of {CHUNK}")
    await _insert_stream(mongo, stream)
    totals: dict[str, list[Any]] = {}
    async for made in _spans(stream, point_count, joined, processes):
        await asyncio.gather(*(objects.put(key, data, crc32c) for key, data, crc32c in made.data))
        await mongo.chunks.insert_many([_chunk_document(chunk) for chunk in made.chunks])
        if joined and len(made.chunks) == RECORDS:
            await write_levels(mongo, stream.id, made.span, made.chunks)
        _add(totals, made.statistics, len(made.chunks) * CHUNK)
        told((made.span * RECORDS + len(made.chunks)) * CHUNK)
    await _finish_stream(mongo, stream, point_count, totals, joined=joined)


async def _spans(stream: Stream, point_count: int, joined: bool, processes: int) -> AsyncIterator[Made]:
    """In order; a few ahead are being made meanwhile."""
    counts = [min(SPAN, point_count - first) // CHUNK for first in range(0, point_count, SPAN)]
    if processes < 2 or len(counts) < 2:
        for span, count in enumerate(counts):
            yield await asyncio.to_thread(make_span, stream, span, count, joined)
        return
    with ProcessPoolExecutor(processes) as pool:
        ahead: list[Future[Made]] = []
        for span, count in enumerate(counts):
            ahead.append(pool.submit(make_span, stream, span, count, joined))
            if len(ahead) > processes:
                yield await asyncio.wrap_future(ahead.pop(0))
        for future in ahead:
            yield await asyncio.wrap_future(future)


async def _insert_stream(mongo: Mongo, stream: Stream) -> None:
    experiment = {"prefix": stream.prefix.text, "gen": 0, "created_at": BEGIN}
    await mongo.experiments.update_one({"_id": stream.experiment}, {"$setOnInsert": experiment}, upsert=True)
    about = {"exp": stream.experiment, "gen": 0, "kind": "metrics", "name": stream.name}
    await mongo.streams.insert_one({"_id": stream.id, **about, "chunk": CHUNK, "next": 0, "cold": 0, "floor": 0})


async def _finish_stream(
    mongo: Mongo, stream: Stream, point_count: int, totals: dict[str, list[Any]], *, joined: bool
) -> None:
    snapshot = {
        "next": point_count,
        "sess": {SESSION.hex(): [point_count]},
        "stats": [[name, *total, 0] for name, total in totals.items()],
        "fields": list(totals),
        "firstAt": BEGIN,
        "lastAt": BEGIN + (point_count - 1) * SECONDS_A_POINT,
    }
    ends = {"cold": point_count, "joined": point_count // SPAN * SPAN if joined else 0}
    await mongo.streams.update_one({"_id": stream.id}, {"$set": {**snapshot, **ends}})


def _add(totals: dict[str, list[Any]], found: dict[str, tuple[float, float, float, Any]], count: int) -> None:
    for name, (total, low, high, last) in found.items():
        before = totals.get(name, [0, 0.0, low, high, last])
        totals[name] = [before[0] + count, before[1] + total, min(before[2], low), max(before[3], high), last]


def _chunk_document(chunk: Chunk) -> dict[str, Any]:
    assert chunk.live is not None
    return {
        "_id": {"s": chunk.stream, "k": chunk.k},
        "epoch": chunk.epoch,
        "owner": chunk.owner,
        "until": None,
        "want": chunk.want,
        "joining": None,
        "live": to_document(chunk.live),
    }


async def _main(arguments: argparse.Namespace) -> None:
    environment = os.environ
    mongo = Mongo(environment["MLDASH_MONGO"], environment.get("MLDASH_MONGO_DATABASE", "mldash"))
    store = ObjectStore(
        endpoint=environment.get("MLDASH_S3_ENDPOINT"),
        bucket=environment.get("MLDASH_S3_BUCKET", "mldash"),
        access_key=environment.get("MLDASH_S3_ACCESS_KEY"),
        secret_key=environment.get("MLDASH_S3_SECRET_KEY"),
    )

    def tell(done: int) -> None:
        print(f"\r{done:,} of {arguments.points:,} points", end="", file=sys.stderr, flush=True)

    async with store:
        stream = name_stream(arguments.prefix, arguments.name)
        await load(mongo, store, stream, arguments.points, processes=os.cpu_count() or 1, told=tell)
    await mongo.close()
    print(file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("prefix", help="owner/project/name of an experiment that is not there yet")
    parser.add_argument("--name", default="train", help="of the metric")
    parser.add_argument("--points", type=int, default=100_000_000)
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
