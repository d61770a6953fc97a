"""A chunk that is too large to be held in memory: two passes over its buckets, a few at a time, and an object in parts.

    scan    which fields there are and of which types, their numbers for the summaries (256 fields at most), times,
            sources: what must be known before the first row is written
    write   the rows, a row group for some megabytes of buckets, each part on its way to S3 while the next is read

Buckets never change, but in a range that has moved a late insert may stand where one was; so the cold end is read again
after each pass. The rows and types are those that the short way writes.

A track's chunk goes this way only where its buckets follow one another in time; else its entries are laid over one
another in memory, which takes the whole chunk.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from mldash_compactor.chunks.checksum import crc32c
from mldash_compactor.chunks.objects import packed
from mldash_compactor.chunks.parquet import metadata as about
from mldash_compactor.chunks.parquet.inherited import lacking
from mldash_compactor.chunks.parquet.metadata import Metadata, merge_sources
from mldash_compactor.chunks.parquet.mixed_types import Field
from mldash_compactor.chunks.parquet.parts import (
    PartWriter,
    has_large_integers,
    has_nan,
    parquet_name,
    settled,
    stored_as,
    wider,
)
from mldash_compactor.chunks.points import event_times
from mldash_compactor.chunks.rows import join
from mldash_compactor.chunks.s3 import ObjectStore
from mldash_compactor.chunks.summaries import FIELD_LIMIT, Numbers, numeric_fields, summarise_numbers
from mldash_compactor.errors import HoleInChain, RangeMoved
from mldash_ingest.documents.buckets import Bucket, Source
from mldash_ingest.documents.columns import WIDE
from mldash_ingest.documents.mongo import Mongo
from mldash_ingest.documents.walk import cold_ends, walk_through

GROUP_BYTES: Final = 32 << 20
"""Of buckets in memory at once; a row group holds them."""

_PART_BYTES: Final = 8 << 20
_BUCKETS_AT_ONCE: Final = 4
"""Each has 8 MiB at most, but for a single event that is larger."""


class Made(Struct, frozen=True):
    """An object that was put, and what the manifest keeps of it."""

    size: int
    crc32c: int
    schema: bytes
    summaries: bytes
    tail_bytes: int
    tail_crc32c: int


class Scan:
    """The findings of the first pass."""

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.nan: set[str] = set()
        """Fields that may hold NaN."""

        self._large_integers: set[str] = set()
        self.is_wide = False
        self.follows_in_time = True
        self.sources: list[Source] = []
        self.cuts: list[int] = []
        self.span = (float("inf"), float("-inf"))
        self.row_count = 0
        self._times: list[NDArray[np.float64]] = []
        self._last = float("-inf")
        self._numbers: dict[str, list[tuple[int, Numbers]]] = {}

    def add(self, bucket: Bucket) -> None:
        times = np.frombuffer(bucket.times, "<f8")
        self.follows_in_time &= self._last < times[0]
        self._last = float(times[-1])
        for column in bucket.columns:
            self.is_wide |= column.type == "events"
            field = stored_as(column)
            known = self.fields.get(field.name)
            self.fields[field.name] = field if known is None else wider(known, field)
            if has_nan(column):
                self.nan.add(field.name)
            if has_large_integers(column):
                self._large_integers.add(field.name)
        self.is_wide |= len(self.fields) > WIDE
        for name, numbers in numeric_fields(bucket.columns, bucket.row_count):
            if name in self._numbers or len(self._numbers) < FIELD_LIMIT:
                self._numbers.setdefault(name, []).append((self.row_count, numbers))
        self.sources += bucket.sources
        self.cuts.append(bucket.first_index)
        self.span = min(self.span[0], bucket.t0), max(self.span[1], bucket.t1)
        self.row_count += bucket.row_count
        self._times.append(event_times(bucket) if bucket.kind == "metrics" else times)

    @property
    def times(self) -> NDArray[np.float64]:
        return np.concatenate(self._times)

    def planned(self, known: Sequence[Field] = ()) -> list[Field]:
        """The fields that the file will have; `known`: the fields of the stream so far."""
        if self.is_wide:
            return [Field("", "events")]
        before = {field.name: field for field in known}
        own = [
            settled(field, before.get(name), self.row_count, large_integers=name in self._large_integers)
            for name, field in self.fields.items()
        ]
        return own + lacking(known, own)

    def numbers(self) -> list[tuple[str, Numbers]]:
        """Over all rows, of each field that has summaries."""
        return [(name, _spread(parts, self.row_count)) for name, parts in self._numbers.items()]


def _spread(parts: Sequence[tuple[int, Numbers]], rows: int) -> Numbers:
    integer = all(values.dtype.kind == "i" for _, (values, _) in parts)
    whole, present = np.zeros(rows, np.int64 if integer else np.float64), np.zeros(rows, np.bool_)
    for first, (values, there) in parts:
        whole[first : first + len(values)], present[first : first + len(there)] = values, there
    return whole, present


class LargeChunk:
    """Events [first_index, end_index) of a stream, all of them in buckets."""

    def __init__(self, mongo: Mongo, stream: bytes, k: int, first_index: int, end_index: int) -> None:
        self._mongo, self._stream, self._k = mongo, stream, k
        self._first, self._end = first_index, end_index

    async def scan(self) -> Scan:
        """The first pass. Raises HoleInChain, RangeMoved."""
        found = Scan()
        async for bucket in self._buckets():
            await asyncio.to_thread(found.add, bucket)
        found.sources = merge_sources(found.sources)
        return found

    async def write(
        self, objects: ObjectStore, key: str, found: Scan, metadata: Metadata, known: Sequence[Field]
    ) -> Made:
        """The second pass: the object, and what the manifest keeps of it. `known`: the fields of the stream so far."""
        fields = found.planned(known)
        own = {"index": pa.int64(), "time": pa.float64()} if metadata.kind == "metrics" else {"time": pa.float64()}
        first_index = metadata.first_index if metadata.kind == "metrics" else 0
        summaries, blocks = summarise_numbers(found.numbers(), found.times, first_index)
        writer = PartWriter(own, fields, list(found.nan))
        upload = await objects.open_upload(key)
        try:
            checksum = 0
            async for group in self._groups():
                await asyncio.to_thread(_write_group, writer, group, list(own))
                checksum = await self._send(upload, writer, checksum)
            names = [(field, parquet_name(field)) for field in fields]
            tail = await asyncio.to_thread(writer.close, about.to_text(metadata, names, blocks, writer.marks))
            checksum = await self._send(upload, writer, checksum, last=True)
            await upload.complete()
        except BaseException:
            await upload.abandon()
            raise
        return Made(writer.size, checksum, packed(fields), packed(summaries), len(tail), crc32c(tail))

    async def _send(self, upload: Any, writer: PartWriter, checksum: int, *, last: bool = False) -> int:
        while data := writer.take(_PART_BYTES, last=last):
            checksum = crc32c(data, checksum)
            await upload.part(data)
        return checksum

    async def _groups(self) -> AsyncIterator[list[Bucket]]:
        group, size = list[Bucket](), 0
        async for bucket in self._buckets():
            if group and size + bucket.stored_bytes > GROUP_BYTES:
                yield group
                group, size = [], 0
            group.append(bucket)
            size += bucket.stored_bytes
        if group:
            yield group

    async def _buckets(self) -> AsyncIterator[Bucket]:
        """By exact boundaries; then the cold end once more, causally after."""
        async with await self._mongo.causal() as session:
            expected = self._first
            walked = walk_through(self._mongo, session, self._stream, self._first, self._end, at_once=_BUCKETS_AT_ONCE)
            async for bucket in walked:
                yield bucket
                expected = bucket.end_index
            look = (await cold_ends(self._mongo, session, [self._stream])).get(self._stream, 1 << 62)
        if look > self._first:
            raise RangeMoved(self._stream, self._k, f"its cold end is {look}, and was {self._first}")
        if expected != self._end:
            raise HoleInChain(self._stream, expected, self._end)


def _write_group(writer: PartWriter, group: Sequence[Bucket], own: Sequence[str]) -> None:
    rows = join(group)
    arrays = [pa.array(np.frombuffer(rows.times, "<f8"))]
    if "index" in own:
        arrays.insert(0, pa.array(np.arange(rows.first_index, rows.end_index, dtype=np.int64)))
    writer.write(arrays, rows)


async def read_back(objects: ObjectStore, key: str) -> tuple[int, int]:
    """Size and CRC32C of an object as it is read, a part at a time."""
    size = checksum = 0
    while data := await objects.get_range(key, size, _PART_BYTES):
        checksum = crc32c(data, checksum)
        size += len(data)
        if len(data) < _PART_BYTES:
            break
    return size, checksum
