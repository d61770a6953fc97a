"""The bare machine under a read: the same buckets by one find, the same bytes by range requests and pyarrow."""

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pymongo import MongoClient
from pymongo.read_concern import ReadConcern

from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_ingest.documents.buckets import bucket_id

_AT_ONCE = 8


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


async def arrow_seconds(objects: ObjectStore, lives: Sequence[Live]) -> float:
    """The same of many chunks, eight at once, and their tables written as one Arrow stream."""
    begun, target = perf_counter(), pa.BufferOutputStream()
    writer: pa.RecordBatchStreamWriter | None = None
    for at in range(0, len(lives), _AT_ONCE):
        some = lives[at : at + _AT_ONCE]
        for part in await asyncio.gather(*(objects.get_range(live.key, live.offset, live.bytes) for live in some)):
            table = pq.read_table(pa.BufferReader(part), use_threads=False)
            writer = writer or pa.ipc.new_stream(target, table.schema.remove_metadata())
            writer.write_table(table.replace_schema_metadata())
    return perf_counter() - begun


async def range_seconds(objects: ObjectStore, key: str, offset: int, length: int) -> float:
    """One range request."""
    begun = perf_counter()
    await objects.get_range(key, offset, length)
    return perf_counter() - begun


def chunks_seconds(uri: str, database: str, stream: bytes, first_k: int, last_k: int, repeat: int) -> list[float]:
    """One find of the documents of these chunks."""
    client: MongoClient[dict[str, Any]] = MongoClient(uri)
    chunks = client[database].get_collection("chunks", read_concern=ReadConcern("majority"))
    took = list[float]()
    for _ in range(repeat):
        begun = perf_counter()
        list(chunks.find({"_id.s": stream, "_id.k": {"$gte": first_k, "$lte": last_k}}).sort("_id.k", 1))
        took.append(perf_counter() - begun)
    client.close()
    return took


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
