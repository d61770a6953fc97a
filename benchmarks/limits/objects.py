"""The bare machine under the compactor: pyarrow writes tables that are there, and bytes go to S3 and back."""

import asyncio
from collections.abc import Awaitable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from mldash.compactor.chunks.checksum import crc32c
from mldash.compactor.chunks.manifest import Chunk
from mldash.compactor.chunks.objects import read_chunk
from mldash.compactor.chunks.parquet import writer_options
from mldash.compactor.chunks.s3 import ObjectStore

AT_ONCE = 4


class Bare(NamedTuple):
    """Seconds, and what was moved in them."""

    write_s: float
    read_s: float
    put_s: float
    total_bytes: int


async def write_and_put(objects: ObjectStore, chunks: Sequence[Chunk]) -> Bare:
    """Each chunk's table as Parquet, with the compactor's options; then each chunk's bytes under another key."""
    parts = [await read_chunk(objects, chunk.live) for chunk in chunks if chunk.live]
    tables = [pq.read_table(pa.BufferReader(part)) for part in parts]
    begun = perf_counter()
    for table in tables:
        _write(table)
    write_s = perf_counter() - begun
    return Bare(write_s, 0.0, await _put(objects, parts), sum(map(len, parts)))


def _write(table: pa.Table) -> None:
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    floats = [name for name, kind in kinds.items() if pa.types.is_floating(kind)]
    integers = [name for name, kind in kinds.items() if pa.types.is_integer(kind)]
    encodings = dict.fromkeys(floats, "BYTE_STREAM_SPLIT") | dict.fromkeys(integers, "DELTA_BINARY_PACKED")
    pq.write_table(table, pa.BufferOutputStream(), **writer_options([], encodings))


async def read_and_put(objects: ObjectStore, chunks: Sequence[Chunk]) -> Bare:
    """Each chunk's bytes read, some at a time; then all of them put as one object."""
    begun = perf_counter()
    parts = await _several([objects.get(chunk.live.key) for chunk in chunks if chunk.live])
    read_s = perf_counter() - begun
    whole = b"".join(parts)
    return Bare(0.0, read_s, await _put(objects, [whole]), len(whole))


async def _put(objects: ObjectStore, parts: Sequence[bytes]) -> float:
    sums = [crc32c(part) for part in parts]
    begun = perf_counter()
    await _several([objects.put(f"bare/{n}", part, sums[n]) for n, part in enumerate(parts)])
    seconds = perf_counter() - begun
    await objects.delete([f"bare/{n}" for n in range(len(parts))])
    return seconds


async def _several(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[Any]) -> Any:
        async with slots:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))
