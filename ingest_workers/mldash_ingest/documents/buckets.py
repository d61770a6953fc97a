"""A bucket of a chain ↔ its document. The unique _id is the place in the chain that only one bucket can take.

    _id      stream id and first index as 8 bytes big endian: buckets of a stream lie in index order
    s, kind  the stream's id, its kind
    n, src   events, and which: [[session, first seq, count], …] in index order
    t0, t1   least and greatest time: `_ts` where given, else that of logging
    levels   of log lines: {level: how many}
    times    float64 a row; cols: the columns. Rows are events, but of a track they are merged entries in time order

n is at most 10,000, a bucket never crosses a multiple of 10,000, and its columns are at most 8 MiB (one event alone may
be larger), so that with names and sources it stays below MongoDB's 16 MiB.
"""

import threading
from collections.abc import Mapping
from typing import Any, Final

import zstandard
from msgspec import Struct

from .columns import Column

CHUNK: Final = 10_000
"""Events of a chunk; buckets never cross a multiple of it."""

BUCKET_BYTES: Final = 8 << 20

END_OF_STREAM: Final = b"\xff" * 8
"""A stream's id with this behind it sorts after every bucket of the stream, for no index comes near it. As long as an
index: MongoDB sorts binary by length before it looks at bytes."""

_COMPRESS_FROM: Final = 512


class _Codecs(threading.local):
    """A pair a thread: zstandard's contexts break the heap when two threads use one at the same time."""

    def __init__(self) -> None:
        self.compress = zstandard.ZstdCompressor(level=1).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_codecs = _Codecs()


class Source(Struct, frozen=True, array_like=True, gc=False):
    """Events [first_seq, first_seq + count) of a session, which stand side by side in a stream."""

    session: bytes
    first_seq: int
    count: int


class Bucket(Struct, frozen=True, kw_only=True, gc=False):
    """Events [first_index, first_index + count) of one stream."""

    stream: bytes
    kind: str
    first_index: int
    count: int
    sources: list[Source]
    t0: float
    t1: float
    times: bytes
    columns: list[Column]
    levels: dict[str, int] | None = None

    @property
    def end_index(self) -> int:
        return self.first_index + self.count

    @property
    def row_count(self) -> int:
        """Rows of the columns; below `count` where entries of a track were merged."""
        return len(self.times) // 8

    @property
    def stored_bytes(self) -> int:
        total = len(self.times)
        for column in self.columns:
            total += column.stored_bytes
        return total


def bucket_id(stream: bytes, first_index: int) -> bytes:
    """24 bytes that sort by stream, then by index."""
    return stream + first_index.to_bytes(8, "big")


def first_index_of(document_id: bytes) -> int:
    return int.from_bytes(document_id[-8:], "big")


def to_document(bucket: Bucket) -> dict[str, Any]:
    """The document that insert_many stores."""
    document: dict[str, Any] = {
        "_id": bucket_id(bucket.stream, bucket.first_index),
        "s": bucket.stream,
        "kind": bucket.kind,
        "n": bucket.count,
        "src": [[source.session, source.first_seq, source.count] for source in bucket.sources],
        "t0": bucket.t0,
        "t1": bucket.t1,
        "times": bucket.times,
        "cols": [_column_to_document(column) for column in bucket.columns],
    }
    if bucket.levels is not None:
        document["levels"] = bucket.levels
    return document


def from_document(document: Mapping[str, Any]) -> Bucket:
    """The bucket of a document that holds all of its fields."""
    return Bucket(
        stream=document["s"],
        kind=document["kind"],
        first_index=first_index_of(document["_id"]),
        count=document["n"],
        sources=[Source(session, first, count) for session, first, count in document["src"]],
        t0=document["t0"],
        t1=document["t1"],
        times=document["times"],
        columns=[_column_from_document(column) for column in document["cols"]],
        levels=document.get("levels"),
    )


def _column_to_document(column: Column) -> dict[str, Any]:
    document: dict[str, Any] = {"name": column.name, "type": column.type, "bytes": column.data}
    if column.present is not None:
        document["present"] = column.present
    if column.shape:
        document["shape"] = list(column.shape)
    if column.type in ("values", "events") and len(column.data) >= _COMPRESS_FROM:
        packed = _codecs.compress(column.data)
        if len(packed) * 10 < len(column.data) * 9:
            document["bytes"], document["zstd"] = packed, True
    return document


def _column_from_document(document: Mapping[str, Any]) -> Column:
    data = document["bytes"]
    return Column(
        name=document["name"],
        type=document["type"],
        data=_codecs.decompress(data) if document.get("zstd") else data,
        present=document.get("present"),
        shape=tuple(document.get("shape", ())),
    )
