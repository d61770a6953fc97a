"""An object's description of itself, in Parquet's key-value metadata: text, so that every tool shows it.

    mldash.schema      version of this layout, "1.1"; one of the same major version can read what it knows the types of
    mldash.prefix      the experiment's prefix · mldash.kind · mldash.name  JSON: a name, or null for the unnamed metric
    mldash.stream      the stream's id in hex · mldash.generation · mldash.chunk  k
    mldash.range       first index and end, "10000-20000"
    mldash.fields      JSON: how each field is stored (mixed_types.py)
    mldash.marks       which numbers are integers, which nulls None, where that has to be said (marks.py)
    mldash.sources     which events: [[session, first seq, count], …] in index order; the audit checks what has moved
    mldash.cuts        where the buckets began that were moved: [index, …]
    mldash.summaries   of every 500 rows (summaries.py): [[name, integer, records], …]

The marks and the last three are MessagePack, zstd, base64.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import zstandard
from msgspec import Struct

from mldash.process.learnt_types import learnt
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.summaries import FieldBlocks
from mldash_ingest.documents.buckets import Source

from .marks import Marks
from .mixed_types import Field

SCHEMA: Final = "1.1"

_PREFIX: Final = "mldash."
_LEVEL: Final = 3


class Metadata(Struct, frozen=True, kw_only=True):
    """Whose events these are, and where they came from."""

    prefix: str
    kind: str
    name: str | None
    stream: bytes
    generation: int
    k: int
    first_index: int
    end_index: int
    sources: list[Source]
    cuts: list[int]


class FieldEntry(Struct, frozen=True, omit_defaults=True):
    """One field in `mldash.fields`."""

    name: str
    column: str
    type: str
    shape: tuple[int, ...] = ()
    nulls: str = "absent"
    inherited: bool = False


_FIELD = learnt(Field)
_decode_entries = msgspec.json.Decoder(list[FieldEntry]).decode
_decode_name = msgspec.json.Decoder(str | None).decode
_decode_sources = msgspec.msgpack.Decoder(list[Source]).decode
_decode_cuts = msgspec.msgpack.Decoder(list[int]).decode
_decode_marks = msgspec.msgpack.Decoder(list[Marks]).decode
_decode_blocks = msgspec.msgpack.Decoder(list[FieldBlocks]).decode


def to_text(
    metadata: Metadata,
    fields: Sequence[tuple[Field, str]],
    blocks: Sequence[FieldBlocks],
    marks: Sequence[Marks] = (),
) -> dict[str, str]:
    """The key-value pairs; each field comes with the Parquet column that it is in."""
    entries = [
        FieldEntry(field.name, column, field.type, field.shape, field.nulls, field.inherited)
        for field, column in fields
    ]
    told = {f"{_PREFIX}marks": _pack(marks)} if marks else {}
    return (
        identity(metadata)
        | told
        | {
            f"{_PREFIX}chunk": str(metadata.k),
            f"{_PREFIX}fields": msgspec.json.encode(entries).decode(),
            f"{_PREFIX}sources": _pack(metadata.sources),
            f"{_PREFIX}cuts": _pack(metadata.cuts),
            f"{_PREFIX}summaries": _pack(blocks),
        }
    )


def identity(metadata: Metadata) -> dict[str, str]:
    """Whose events an object holds: what a chunk's has in common with that of neighbours that were joined."""
    return {
        f"{_PREFIX}schema": SCHEMA,
        f"{_PREFIX}prefix": metadata.prefix,
        f"{_PREFIX}kind": metadata.kind,
        f"{_PREFIX}name": msgspec.json.encode(metadata.name).decode(),
        f"{_PREFIX}stream": metadata.stream.hex(),
        f"{_PREFIX}generation": str(metadata.generation),
        f"{_PREFIX}range": f"{metadata.first_index}-{metadata.end_index}",
    }


def of_text(text: Mapping[bytes, bytes]) -> Metadata:
    """The reverse. Raises ChunkDamaged where a key is missing or means nothing."""
    first_index, end_index = range_of(text)
    return Metadata(
        prefix=_value(text, "prefix"),
        kind=_value(text, "kind"),
        name=_decode_name(_value(text, "name")),
        stream=bytes.fromhex(_value(text, "stream")),
        generation=int(_value(text, "generation")),
        k=int(_value(text, "chunk")),
        first_index=first_index,
        end_index=end_index,
        sources=_decode_sources(_unpack(_value(text, "sources"))),
        cuts=_decode_cuts(_unpack(_value(text, "cuts"))),
    )


def range_of(text: Mapping[bytes, bytes]) -> tuple[int, int]:
    """First index and end of the events."""
    first, _, end = _value(text, "range").partition("-")
    return int(first), int(end)


def fields_of(text: Mapping[bytes, bytes]) -> list[tuple[Field, str]]:
    """Each field of the chunk's events and the Parquet column that it is in. Raises ChunkDamaged."""
    try:
        return [(_field(entry), entry.column) for entry in entries_of(text) if not entry.inherited]
    except msgspec.ValidationError as error:
        version = _value(text, "schema")
        raise ChunkDamaged("", f"a newer version, of schema {version}, wrote it: {error}") from error


def _field(entry: FieldEntry) -> Field:
    return msgspec.convert((entry.name, entry.type, entry.shape, entry.nulls), _FIELD)


def marks_of(text: Mapping[bytes, bytes]) -> dict[str, Marks]:
    """Of the fields that have any."""
    if f"{_PREFIX}marks".encode() not in text:
        return {}
    return {one.name: one for one in _decode_marks(_unpack(_value(text, "marks")))}


def entries_of(text: Mapping[bytes, bytes]) -> list[FieldEntry]:
    """`mldash.fields` as it stands there."""
    return _decode_entries(_value(text, "fields"))


def blocks_of(text: Mapping[bytes, bytes]) -> list[FieldBlocks]:
    """The summaries of every 500 rows."""
    return _decode_blocks(_unpack(_value(text, "summaries")))


def _value(text: Mapping[bytes, bytes], key: str) -> str:
    """One value. Raises ChunkDamaged where it is missing."""
    found = text.get(f"{_PREFIX}{key}".encode())
    if found is None:
        raise ChunkDamaged("", f"its metadata has no {_PREFIX}{key}")
    return found.decode()


def merge_sources(sources: Sequence[Source]) -> list[Source]:
    """Neighbours that go on with one another become one."""
    merged: list[Source] = []
    for source in sources:
        last = merged[-1] if merged else None
        if last and last.session == source.session and last.first_seq + last.count == source.first_seq:
            merged[-1] = Source(last.session, last.first_seq, last.count + source.count)
        else:
            merged.append(source)
    return merged


def _pack(items: Any) -> str:
    # Made anew each time: one that is shared by two threads corrupts the heap, and chunks are encoded in threads.
    compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return base64.b64encode(compressor.compress(msgspec.msgpack.encode(items))).decode()


def _unpack(text: str) -> bytes:
    return zstandard.ZstdDecompressor().decompress(base64.b64decode(text))
