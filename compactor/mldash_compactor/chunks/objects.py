"""One chunk as the bytes of an object, points and entries alike; points.py and entries.py say what their rows mean."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct
from numpy.typing import NDArray

from . import checksum
from .errors import ChunkDamaged
from .manifest import Live
from .parquet import metadata as about
from .parquet.columns import Reading, from_arrow, nulls_of, times_of, to_arrow, write
from .parquet.inherited import lacking
from .parquet.metadata import Metadata
from .parquet.mixed_types import Field
from .rows import Cold
from .s3 import ObjectStore
from .summaries import FieldSummary, summarise


class Encoded(Struct, frozen=True):
    """An object's bytes, and what the manifest keeps of them: `live.schema` and `live.summaries`."""

    data: bytes
    fields: list[Field]
    summaries: list[FieldSummary]
    tail_bytes: int

    def packed_schema(self) -> bytes:
        return packed(self.fields)

    def packed_summaries(self) -> bytes:
        return packed(self.summaries)


packed = msgspec.msgpack.Encoder().encode
"""Fields or summaries as the manifest keeps them."""


def encode_rows(
    rows: Cold,
    metadata: Metadata,
    own: Mapping[str, pa.Array],
    times: NDArray[np.float64],
    first_index: int,
    known: Sequence[Field],
) -> Encoded:
    """`own` are the chunk's own columns, sorted by the first; `times` and `first_index` are what summaries speak of;
    `known`: the fields of the stream so far, and how chunks before this one store them."""
    before = {field.name: field for field in known}
    stored = [to_arrow(column, rows.row_count, before.get(column.name)) for column in rows.columns]
    stored += [nulls_of(field, rows.row_count) for field in lacking(known, [one.field for one in stored])]
    summaries, blocks = summarise(rows.columns, times, first_index)
    marks = [one.marks for one in stored if one.marks is not None]
    text = about.to_text(metadata, [(one.field, one.column) for one in stored], blocks, marks)
    file = write(own, stored, text)
    return Encoded(file.data, [one.field for one in stored], summaries, file.tail_bytes)


def decode_rows(data: bytes, fields: Sequence[str] | None) -> Cold:
    """`fields` (None: all) are the only ones that are read; whole events come whole. Raises ChunkDamaged."""
    reading = Reading(data)
    wanted = None if fields is None else set(fields)
    stored = [
        (field, column)
        for field, column in about.fields_of(reading.text)
        if wanted is None or field.type == "events" or field.name in wanted
    ]
    first_index, end_index = about.range_of(reading.text)
    marks = about.marks_of(reading.text)
    table = reading.read(["time", *(column for _, column in stored)])
    return Cold(
        first_index=first_index,
        count=end_index - first_index,
        times=times_of(table),
        columns=[from_arrow(field, table.column(column), marks.get(field.name)) for field, column in stored],
    )


def read_metadata(data: bytes) -> Metadata:
    """Whose events an object holds, and where they came from. Raises ChunkDamaged."""
    return about.of_text(Reading(data).text)


async def read_chunk(objects: ObjectStore, live: Live) -> bytes:
    """The chunk's own bytes, a Parquet file by themselves, whatever else its object holds; one request.

    Raises ObjectMissing, ChunkDamaged where they are not what the manifest says, StoreUnreachable, StoreRefused.
    """
    if live.joined is None:
        data = await objects.get(live.key)
    else:
        data = await objects.get_range(live.key, live.offset, live.bytes)
    if len(data) != live.bytes:
        raise ChunkDamaged(live.key, f"{len(data)} bytes came, the manifest says {live.bytes} from {live.offset} on")
    checksum.check(live.key, data, live.crc32c)
    return data
