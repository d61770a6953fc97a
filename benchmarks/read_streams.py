"""The streams that reads are measured on, made once in a database and bucket of their own and kept for the next run.

long    100,000,000 points by cold_stream.py and 5,000 hot ones behind
short   1,000,000 points, likewise
tiny    1,000 points in 1,000 buckets
track   1,000,000 entries of three floats, in time order, cold
late    the same, but each chunk has one entry of the very first time
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mldash.connections.servers import Servers
from mldash.events.identity import Prefix, experiment_id, parse_prefix, stream_id
from mldash_compactor.chunks import checksum, entries, keys
from mldash_compactor.chunks.manifest import Live, to_document
from mldash_compactor.chunks.parquet.metadata import Metadata
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.s3 import ObjectStore, open_store
from mldash_deploy.prepare import prepare
from mldash_ingest.documents.buckets import CHUNK, Bucket, Source
from mldash_ingest.documents.buckets import to_document as bucket_document
from mldash_ingest.documents.columns import Column
from mldash_ingest.documents.mongo import Mongo, open_mongo

from .cold_stream import BEGIN, SECONDS_A_POINT, SESSION, load, name_stream

LONG: Final = "bench/read/long"
SHORT: Final = "bench/read/short"
TINY: Final = "bench/read/tiny"
TRACKS: Final = "bench/read/tracks"
SHORT_POINTS: Final = 1_000_000
HOT_POINTS: Final = 5_000
TINY_POINTS: Final = 1_000
TRACK_CHUNKS: Final = 100
ENTRIES_A_SECOND: Final = 100


async def make(servers: Servers, points: int) -> None:
    """Whatever is missing. A stream's document with its `made` field is written last."""
    await prepare(servers)
    mongo = open_mongo(servers)
    async with open_store(servers) as objects:
        await _make_points(mongo, objects, LONG, points)
        await _make_points(mongo, objects, SHORT, SHORT_POINTS)
        tiny = await _stream(mongo, TINY, "metrics", "train")
        if not await _is_made(mongo, tiny, TINY_POINTS):
            await _add_hot(mongo, tiny, 0, TINY_POINTS, 1)
            await _say_made(mongo, tiny, TINY_POINTS)
        for topic in ("track", "late"):
            track = await _stream(mongo, TRACKS, "tracks", topic)
            if not await _is_made(mongo, track, TRACK_CHUNKS):
                await _add_track(mongo, objects, track, topic)
                await _say_made(mongo, track, TRACK_CHUNKS)
    await mongo.close()


async def make_short(servers: Servers) -> None:
    """The stream `short` alone."""
    await prepare(servers)
    mongo = open_mongo(servers)
    async with open_store(servers) as objects:
        await _make_points(mongo, objects, SHORT, SHORT_POINTS)
    await mongo.close()


async def _make_points(mongo: Mongo, objects: ObjectStore, prefix: str, count: int) -> None:
    stream = name_stream(prefix, "train")
    if await _is_made(mongo, stream.id, count):
        return
    await load(mongo, objects, stream, count, processes=2, told=lambda done: _tell(done, count))
    await _add_hot(mongo, stream.id, count, HOT_POINTS, 500)
    await _say_made(mongo, stream.id, count)


async def _is_made(mongo: Mongo, stream: bytes, size: int) -> bool:
    document = await mongo.streams.find_one({"_id": stream}, {"made": 1})
    return document is not None and document.get("made") == size


async def _say_made(mongo: Mongo, stream: bytes, size: int) -> None:
    await mongo.streams.update_one({"_id": stream}, {"$set": {"made": size}})


def _tell(done: int, of: int) -> None:
    print(f"\r{done:,} of {of:,} points made", end="\n" if done == of else "", file=sys.stderr, flush=True)


async def _stream(mongo: Mongo, prefix: str, kind: str, name: str) -> bytes:
    text = parse_prefix(prefix).text
    experiment = experiment_id(text)
    stream = stream_id(experiment, 0, kind, name)
    one = {"prefix": text, "gen": 0, "created_at": BEGIN}
    await mongo.experiments.update_one({"_id": experiment}, {"$setOnInsert": one}, upsert=True)
    about = {"exp": experiment, "gen": 0, "kind": kind, "name": name, "chunk": CHUNK, "next": 0, "cold": 0, "floor": 0}
    await mongo.streams.update_one({"_id": stream}, {"$setOnInsert": about}, upsert=True)
    return stream


async def _add_hot(mongo: Mongo, stream: bytes, first: int, count: int, a_bucket: int) -> None:
    buckets = [_bucket(stream, at, a_bucket) for at in range(first, first + count, a_bucket)]
    await mongo.buckets.insert_many([bucket_document(one) for one in buckets])


def _bucket(stream: bytes, first: int, count: int) -> Bucket:
    index = np.arange(first, first + count)
    times: NDArray[np.float64] = np.asarray(BEGIN + index * SECONDS_A_POINT, np.float64)
    loss, step = np.sin(index / 1e4).astype("<f8").tobytes(), index.astype("<i8").tobytes()
    return Bucket(
        stream=stream,
        kind="metrics",
        first_index=first,
        count=count,
        sources=[Source(SESSION, first, count)],
        t0=float(times[0]),
        t1=float(times[-1]),
        times=times.astype("<f8").tobytes(),
        columns=[Column("loss", "float64", loss), Column("step", "int64", step)],
    )


async def _add_track(mongo: Mongo, objects: ObjectStore, stream: bytes, topic: str) -> None:
    prefix = parse_prefix(TRACKS)
    for k in range(TRACK_CHUNKS):
        times = BEGIN + np.arange(k * CHUNK, (k + 1) * CHUNK) / ENTRIES_A_SECOND
        if topic == "late":
            times[0] = BEGIN
        live = await _put_entries(objects, prefix, stream, topic, k, times)
        one = {"_id": {"s": stream, "k": k}, "epoch": 1, "owner": "loader", "until": None, "want": live.end}
        await mongo.chunks.insert_one({**one, "joining": None, "live": to_document(live)})
    end = TRACK_CHUNKS * CHUNK
    await mongo.streams.update_one({"_id": stream}, {"$set": {"next": end, "cold": end}})


async def _put_entries(
    objects: ObjectStore, prefix: Prefix, stream: bytes, topic: str, k: int, times: NDArray[np.float64]
) -> Live:
    columns = [Column(name, "float64", np.sin(times / by).astype("<f8").tobytes()) for name, by in _AXES]
    rows = Cold(first_index=k * CHUNK, count=CHUNK, times=times.astype("<f8").tobytes(), columns=columns)
    encoded = entries.encode(rows, _metadata(prefix, stream, topic, k))
    key, crc32c = keys.object_key(prefix, keys.KeyParts(stream, 0, k, 1)), checksum.crc32c(encoded.data)
    await objects.put(key, encoded.data, crc32c)
    return Live(
        key=key,
        end=(k + 1) * CHUNK,
        crc32c=crc32c,
        bytes=len(encoded.data),
        schema=encoded.packed_schema(),
        summaries=encoded.packed_summaries(),
        t0=float(times.min()),
        t1=float(times.max()),
    )


_AXES: Final[Sequence[tuple[str, float]]] = (("x", 3.0), ("y", 5.0), ("z", 7.0))


def _metadata(prefix: Prefix, stream: bytes, topic: str, k: int) -> Metadata:
    return Metadata(
        prefix=prefix.text,
        kind="tracks",
        name=topic,
        stream=stream,
        generation=0,
        k=k,
        first_index=k * CHUNK,
        end_index=(k + 1) * CHUNK,
        sources=[Source(SESSION, k * CHUNK, CHUNK)],
        cuts=[],
    )


def make_all(servers: Servers, points: int) -> None:
    asyncio.run(make(servers, points))
