"""The bare machine under a read: the same buckets by one find, the same bytes by range requests and pyarrow."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern

from mldash.compactor.chunks.manifest import Live
from mldash.compactor.chunks.s3 import ObjectStore
from mldash.ingest_workers.documents.buckets import bucket_id


def find_seconds(uri: str, database: str, stream: bytes, first: int, end: int, repeat: int) -> list[float]:
    """One find of the buckets that begin in [first, end), again and again, with the reader's concerns."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    buckets = client[database].get_collection("buckets", read_concern=ReadConcern("majority"))
    query = {"_id": {"$gte": bucket_id(stream, first), "$lt": bucket_id(stream, end)}}
    took = list[float]()
    for _ in range(repeat):
        begun = perf_counter()
        list(buckets.find(query).sort("_id", 1))
        took.append(perf_counter() - begun)
    client.close()
    return took


async def chunk_seconds(objects: ObjectStore, lives: Sequence[Live]) -> float:
    """The bytes of these chunks side by side, a range request each, and all of their columns decoded."""
    begun = perf_counter()
    parts = await asyncio.gather(*(objects.get_range(live.key, live.offset, live.bytes) for live in lives))
    for part in parts:
        pq.read_table(pa.BufferReader(part), use_threads=False)
    return perf_counter() - begun


def levels_seconds(uri: str, database: str, low: bytes, high: bytes, repeat: int) -> list[float]:
    """One find of the level documents with these ids."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    levels = client[database].get_collection("levels", read_concern=ReadConcern("majority"))
    took = list[float]()
    for _ in range(repeat):
        begun = perf_counter()
        list(levels.find({"_id": {"$gte": low, "$lte": high}}).sort("_id", 1))
        took.append(perf_counter() - begun)
    client.close()
    return took
