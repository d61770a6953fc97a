"""The bare machine under the compactor: pyarrow writes tables that are there, and bytes go to S3 and back."""

import asyncio
from collections.abc import Awaitable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import aioboto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config

from mldash.connections.servers import Servers
from mldash_compactor.chunks.checksum import crc32c, to_header
from mldash_compactor.chunks.manifest import Chunk
from mldash_compactor.chunks.objects import read_chunk
from mldash_compactor.chunks.parquet.columns import writer_options
from mldash_compactor.chunks.s3 import ObjectStore

AT_ONCE = 4


class Bare(NamedTuple):
    """Seconds, and what was moved in them."""

    write_s: float
    read_s: float
    put_s: float
    total_bytes: int
    plain_put_s: float = 0.0
    """The same put by aioboto3's client, told to leave out all that costs it time and is not needed."""


async def write_and_put(servers: Servers, objects: ObjectStore, chunks: Sequence[Chunk]) -> Bare:
    """Each chunk's table as Parquet, with the compactor's options; then each chunk's bytes under another key.

    Put twice: as the compactor puts them, and by aioboto3's client.
    """
    parts = [await read_chunk(objects, chunk.live) for chunk in chunks if chunk.live]
    tables = [pq.read_table(pa.BufferReader(part)) for part in parts]
    begun = perf_counter()
    for table in tables:
        _write(table)
    write_s = perf_counter() - begun
    put_s = await _put(objects, parts)
    return Bare(write_s, 0.0, put_s, sum(map(len, parts)), await _plain_put(servers, objects, parts))


def _write(table: pa.Table) -> None:
    kinds = dict(zip(table.column_names, table.schema.types, strict=True))
    floats = [name for name, kind in kinds.items() if pa.types.is_floating(kind)]
    integers = [name for name, kind in kinds.items() if pa.types.is_integer(kind)]
    encodings = dict.fromkeys(floats, "BYTE_STREAM_SPLIT") | dict.fromkeys(integers, "DELTA_BINARY_PACKED")
    pq.write_table(table, pa.BufferOutputStream(), **writer_options([], encodings, True))


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


async def _plain_put(servers: Servers, objects: ObjectStore, parts: Sequence[bytes]) -> float:
    session = aioboto3.Session(
        aws_access_key_id=servers.s3_access_key,
        aws_secret_access_key=servers.s3_secret_key,
        region_name="us-east-1",
    )
    lean = Config(
        user_agent="bare",
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    sums = [to_header(crc32c(part)) for part in parts]
    keys = [f"plain/{number}" for number in range(len(parts))]
    async with session.client("s3", endpoint_url=servers.s3_endpoint, config=lean) as client:
        begun = perf_counter()
        puts = [
            client.put_object(Bucket=objects.bucket, Key=key, Body=part, ChecksumCRC32C=checksum)
            for key, part, checksum in zip(keys, parts, sums, strict=True)
        ]
        await _several(puts)
        seconds = perf_counter() - begun
    await objects.delete(keys)
    return seconds


async def _several(calls: Sequence[Awaitable[Any]]) -> list[Any]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[Any]) -> Any:
        async with slots:
            return await call

    return await asyncio.gather(*(one(call) for call in calls))
