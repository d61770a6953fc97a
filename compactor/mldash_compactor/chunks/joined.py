"""Neighbouring full chunks in one object: their files end to end, finer summaries together, one footer over all.

    chunk k's file · chunk k + 1's file · …    as they were, byte for byte: each is still a Parquet file by itself, and
                                               its manifest entry says where it lies: key, offset, bytes, CRC32C
    the summaries of every 500 rows            of all these chunks together: what a chart of a million points needs is
                                               one request, not one a chunk. Live.joined says where
    offset indexes, pages of nulls, footer     the whole as one Parquet file, a row group a chunk (footer.py)

A reader of one chunk asks for its bytes and sees no difference; every other tool sees one file with many row groups.

The block of summaries is

    length      u32, little endian: bytes of the directory · checksum  u32: its CRC32C
    directory   MessagePack: [[name, integer, offset, bytes], …]; offsets count from its end
    records     of each field, zstd with its checksum

Records are those of summaries.block_type, those
of each chunk behind those of the one before, `…_row` counted from the first row of the object. Where a chunk has more
numeric fields than have summaries, those of a field that is left out are `unknown`.

In the object's own metadata stand mldash.schema, prefix, kind, name, stream, generation, range, fields as in a chunk's,
and mldash.chunks: JSON, [[k, offset, bytes, CRC32C], …].
"""

import struct
from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from msgspec import Struct
from numpy.typing import NDArray

from . import checksum
from .errors import ChunkDamaged
from .manifest import Joined, Live
from .parquet import metadata as about
from .parquet.footer import Joining
from .parquet.metadata import FieldEntry, Metadata
from .parquet.mixed_types import Field, parquet_type
from .s3 import ObjectStore
from .summaries import BLOCK_ROWS, FIELD_LIMIT, PLACES, FieldBlocks, block_type, unknown_blocks

_HEAD: Final = "<II"
_LEVEL: Final = 3
_AT_ONCE: Final = 1 << 20
_directory = msgspec.msgpack.Decoder(list[tuple[str, bool, int, int]])


class JoinedObject(Struct, frozen=True):
    """The bytes, where each chunk's own begin, and what all their manifest entries say of the whole."""

    data: bytes
    offsets: list[int]
    joined: Joined


def fit_together(schemas: Sequence[Sequence[Field]]) -> int:
    """How many of these chunks, from the first on, can stand in one file.

    A field must have one Parquet type in all that have it; one that some chunks lack must not use nulls for None.
    """
    known: dict[str, Field] = {}
    for count, schema in enumerate(schemas):
        named = {field.name: field for field in schema}
        common = known.keys() & named.keys()
        if any(not _are_alike(known[name], named[name]) for name in common):
            return count
        apart = [*(known[name] for name in known.keys() - common), *(named[name] for name in named.keys() - common)]
        if count and any(field.nulls != "absent" or field.type == "events" for field in apart):
            return count
        known |= named | {name: _both(known[name], named[name]) for name in common}
    return len(schemas)


def _are_alike(one: Field, other: Field) -> bool:
    """Whether both are of one Parquet type, and no null means None in one and absent in the other."""
    same_type = one.shape == other.shape and parquet_type(one.type) == parquet_type(other.type)
    return same_type and (one.nulls == other.nulls or "marked" in (one.nulls, other.nulls))


def _both(one: Field, other: Field) -> Field:
    """How an object that holds chunks of both stores the field."""
    kind = one.type if one.type == other.type else "numbers"
    return Field(one.name, kind, one.shape, one.nulls if one.nulls == other.nulls else "marked")


def join(parts: Sequence[bytes]) -> JoinedObject:
    """One object of these chunks' files, which are neighbours and fit together. Raises ChunkDamaged, FilesDiffer."""
    joining = Joining()
    offsets = [joining.add(part) for part in parts]
    texts = [pq.read_metadata(pa.BufferReader(part)).metadata or {} for part in parts]
    chunks = [about.of_text(text) for text in texts]
    rows = [pq.read_metadata(pa.BufferReader(part)).num_rows for part in parts]
    blocks = _pack_blocks(_merge_blocks([about.blocks_of(text) for text in texts], rows))
    at = joining.append(blocks)
    entries = _merge_entries([entry for text in texts for entry in about.entries_of(text)])
    places = [
        (chunk.k, offset, len(part), checksum.crc32c(part))
        for chunk, offset, part in zip(chunks, offsets, parts, strict=True)
    ]
    data = joining.finish(_describe(chunks, entries, places))
    joined = Joined(
        first_k=chunks[0].k,
        count=len(parts),
        blocks_offset=at,
        blocks_bytes=len(blocks),
    )
    return JoinedObject(data, offsets, joined)


def _describe(
    chunks: Sequence[Metadata], entries: Sequence[FieldEntry], places: Sequence[tuple[int, int, int, int]]
) -> dict[str, str]:
    first, last = chunks[0], chunks[-1]
    whole = msgspec.structs.replace(first, end_index=last.end_index)
    return about.identity(whole) | {
        "mldash.fields": msgspec.json.encode(entries).decode(),
        "mldash.chunks": msgspec.json.encode(places).decode(),
    }


def _merge_entries(entries: Sequence[FieldEntry]) -> list[FieldEntry]:
    """Of each column one: what all of its chunks say. (A chunk of 0.1.0 may have a field in another column.)"""
    merged: dict[str, FieldEntry] = {}
    for entry in entries:
        known = merged.get(entry.column)
        if known is None or known.inherited:
            merged[entry.column] = entry
        elif not entry.inherited:
            kind = entry.type if entry.type == known.type else "numbers"
            nulls = entry.nulls if entry.nulls == known.nulls else "marked"
            merged[entry.column] = FieldEntry(entry.name, entry.column, kind, entry.shape, nulls)
    return list(merged.values())


def _merge_blocks(chunks: Sequence[Sequence[FieldBlocks]], rows: Sequence[int]) -> list[FieldBlocks]:
    names = dict.fromkeys(blocks.name for chunk in chunks for blocks in chunk)
    return [_merge_field(name, chunks, rows) for name in names]


def _merge_field(name: str, chunks: Sequence[Sequence[FieldBlocks]], rows: Sequence[int]) -> FieldBlocks:
    found = [next((blocks for blocks in chunk if blocks.name == name), None) for chunk in chunks]
    integer = all(blocks.integer for blocks in found if blocks is not None)
    kind = block_type(integer=integer)
    merged: list[NDArray[Any]] = []
    first_row = 0
    for blocks, chunk, count in zip(found, chunks, rows, strict=True):
        if blocks is None:
            merged.append(unknown_blocks(-(-count // BLOCK_ROWS), kind, known=len(chunk) < FIELD_LIMIT))
        else:
            records = blocks.array().astype(kind)
            for place in PLACES:
                records[f"{place}_row"] += first_row
            merged.append(records)
        first_row += count
    return FieldBlocks(name, integer, np.concatenate(merged).tobytes())


def _pack_blocks(fields: Sequence[FieldBlocks]) -> bytes:
    """The block of summaries, as the module's head says."""
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    directory, frames, at = list[tuple[str, bool, int, int]](), list[bytes](), 0
    for blocks in fields:
        frames.append(compressor.compress(blocks.records))
        directory.append((blocks.name, blocks.integer, at, len(frames[-1])))
        at += len(frames[-1])
    packed = msgspec.msgpack.encode(directory)
    head = struct.pack(_HEAD, len(packed), checksum.crc32c(packed))
    return b"".join([head, packed, *frames])


async def read_blocks(objects: ObjectStore, live: Live, names: Collection[str] | None = None) -> list[FieldBlocks]:
    """Of the object that holds this chunk and its neighbours, the summaries of every 500 rows; None: of all fields.

    One request where the block is small, else one more for each field. Raises ObjectMissing, ChunkDamaged,
    StoreUnreachable, StoreRefused.
    """
    joined = live.joined
    assert joined is not None, "a chunk that stands alone has its summaries in its own file"
    try:
        head = await objects.get_range(live.key, joined.blocks_offset, min(joined.blocks_bytes, _AT_ONCE))
        places, start = _read_directory(head)
        if start > len(head):
            head = await objects.get_range(live.key, joined.blocks_offset, start)
            places, start = _read_directory(head)
        found = list[FieldBlocks]()
        for name, integer, offset, length in places:
            if names is None or name in names:
                frame = head[start + offset : start + offset + length]
                if len(frame) < length:
                    frame = await objects.get_range(live.key, joined.blocks_offset + start + offset, length)
                found.append(FieldBlocks(name, integer, zstandard.ZstdDecompressor().decompress(frame)))
    except (zstandard.ZstdError, msgspec.MsgspecError, struct.error) as error:
        raise ChunkDamaged(live.key, f"its block of summaries can't be read: {error}") from error
    except ChunkDamaged as error:
        raise ChunkDamaged(live.key, error.reason) from error
    return found


def _read_directory(head: bytes) -> tuple[list[tuple[str, bool, int, int]], int]:
    """The fields' places, and where the directory ends; no places where it ends behind `head`."""
    length, expected = struct.unpack_from(_HEAD, head)
    start = struct.calcsize(_HEAD)
    if start + length > len(head):
        return [], start + length
    packed = head[start : start + length]
    checksum.check("", packed, expected)
    return _directory.decode(packed), start + length
