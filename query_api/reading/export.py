"""A range of points in pieces, however long it is, in constant memory: for files and for programs.

The range ends where the stream ended at the first look; each piece is read by itself, hot and cold as one. A table has
one schema for all pieces, so what the fields are is looked up first: of cold points in the manifest, of hot ones in
their buckets.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final, NamedTuple

import numpy as np

from mldash.compactor.chunks import manifest
from mldash.compactor.chunks.mixed_types import Field, classify
from mldash.compactor.chunks.summaries import FieldSummary
from mldash.ingest_workers.documents.buckets import CHUNK
from mldash.ingest_workers.documents.columns import Column
from mldash.ingest_workers.documents.mongo import Session

from . import hot
from .attempts import settled
from .points import read_range
from .rows import Rows
from .streams import Stores, StreamRef
from .tables import Schema, SchemaOf

PIECE_POINTS: Final = 50_000
_CHUNKS_AT_ONCE: Final = 100


class Extent(NamedTuple):
    """Indices [first, end), of which those below `cold` were cold at the first look."""

    first: int
    end: int
    cold: int


async def find_extent(stores: Stores, stream: StreamRef, first_index: int, limit: int | None) -> Extent:
    """What of a range the stream has now; `limit` None: all that follows."""

    async def look(session: Session) -> Extent:
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return Extent(first_index, first_index, first_index)
        chain_end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
        await hot.look_again(stores.mongo, session, stream.id, seam.cold)
        first = max(first_index, seam.floor)
        end = chain_end if limit is None else min(chain_end, first_index + limit)
        return Extent(first, max(first, end), seam.cold)

    return await settled(stores.mongo, stream, look)


async def pieces(
    stores: Stores, stream: StreamRef, extent: Extent, fields: Sequence[str] | None
) -> AsyncIterator[list[Rows]]:
    """The rows, in index order. Raises DamagedRange where an object is broken: what came before is whole."""
    first = extent.first
    while first < extent.end:
        found = await read_range(stores, stream, first, min(PIECE_POINTS, extent.end - first), fields)
        if not found.count:  # retention took the rest meanwhile
            return
        yield found.rows
        first = found.first_index + found.count


async def no_pieces() -> AsyncIterator[list[Rows]]:
    """Of what is not there."""
    for rows in list[list[Rows]]():
        yield rows


async def begun(rows: AsyncIterator[list[Rows]]) -> AsyncIterator[list[Rows]]:
    """The same once the first piece is read: what is wrong with it is still an answer of its own."""
    first = await anext(rows, None)

    async def go_on() -> AsyncIterator[list[Rows]]:
        if first is not None:
            yield first
        async for one in rows:
            yield one

    return go_on()


async def find_schema(stores: Stores, stream: StreamRef, extent: Extent, fields: Sequence[str] | None) -> Schema:
    """What the columns of a table over the extent are."""
    schema = SchemaOf(fields)
    cold_end = min(extent.end, extent.cold)
    for k in range(extent.first // CHUNK, -(-cold_end // CHUNK), _CHUNKS_AT_ONCE):
        last = min(k + _CHUNKS_AT_ONCE, -(-cold_end // CHUNK)) - 1
        for chunk in await manifest.live_chunks(stores.mongo, stream.id, k, last):
            assert chunk.live is not None, "only live chunks are asked for"
            schema.add(chunk.live.fields(), _large_integers(chunk.live.field_summaries()))
    hot_extent = Extent(max(extent.first, extent.cold), extent.end, extent.cold)
    async for rows in pieces(stores, stream, hot_extent, fields):
        for one in rows:
            columns = one.part.columns
            schema.add([_field_of(column) for column in columns], _with_large_integers(columns))
    return schema.schema()


def _field_of(column: Column) -> Field:
    """As the compactor would store it."""
    if column.type != "values":
        return Field(column.name, column.type, column.shape)
    typed = classify(column.packed(), sparse=column.present is not None)
    return Field(column.name, typed.type, typed.shape, typed.nulls)


def _large_integers(summaries: Sequence[FieldSummary]) -> list[str]:
    """Fields with integers that no float64 is."""
    return [
        one.name
        for one in summaries
        if any(spot is not None and type(spot.value) is int and abs(spot.value) > 2**53 for spot in (one.min, one.max))
    ]


def _with_large_integers(columns: Sequence[Column]) -> list[str]:
    integers = [(one.name, np.frombuffer(one.data, "<i8")) for one in columns if one.type == "int64"]
    return [name for name, values in integers if len(values) and max(values.max(), -values.min()) > 2**53]
