"""The columns of a file, known before its first row: a table has one schema for all of its pieces.

The manifest tells the columns of cold rows, buckets those of hot rows; no object is read.
"""

from collections.abc import Sequence

from mldash.events.column_types import EXACT_INT
from mldash_api.limits import HOT_EVENTS_AT_ONCE, SCHEMA_CHUNKS_AT_ONCE
from mldash_api.seam import hot
from mldash_api.seam.attempts import settled
from mldash_api.stores.streams import Stores, StreamRef
from mldash_api.tracks.entries import Asked, stored_names
from mldash_compactor.chunks import manifest
from mldash_compactor.chunks.manifest import Live
from mldash_compactor.chunks.parquet.mixed_types import Field, classify
from mldash_compactor.chunks.parquet.parts import has_large_integers
from mldash_ingest.documents.buckets import CHUNK
from mldash_ingest.documents.columns import Column
from mldash_ingest.documents.mongo import Session

from .ranges import Extent, pieces
from .tables import ENTRY_OWN, POINT_OWN, SchemaOf


async def point_schema(stores: Stores, stream: StreamRef, extent: Extent, fields: Sequence[str] | None) -> SchemaOf:
    """Of a range of points."""
    schema = SchemaOf(fields, POINT_OWN)
    cold_end = min(extent.end, extent.cold)
    for k in range(extent.first // CHUNK, -(-cold_end // CHUNK), SCHEMA_CHUNKS_AT_ONCE):
        last = min(k + SCHEMA_CHUNKS_AT_ONCE, -(-cold_end // CHUNK)) - 1
        for chunk in await manifest.live_chunks(stores.mongo, stream.id, k, last):
            _add_live(schema, chunk.live)
    hot_extent = Extent(max(extent.first, extent.cold), extent.end, extent.cold)
    async for rows in pieces(stores, stream, hot_extent, fields):
        for one in rows:
            _add_columns(schema, one.part.columns)
    return schema


async def entry_schema(stores: Stores, stream: StreamRef, asked: Asked) -> SchemaOf:
    """Of a stretch of time of a track, as it is now."""
    fields = stored_names(asked.fields)

    async def read(session: Session) -> SchemaOf:
        schema = SchemaOf(fields, ENTRY_OWN)
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return schema
        end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
        async for chunk in manifest.each_by_time(stores.mongo, stream.id, asked.start, asked.end, session):
            if chunk.k * CHUNK < seam.cold:
                _add_live(schema, chunk.live)
        for first in range(seam.cold, end, HOT_EVENTS_AT_ONCE):
            span, times = (first, min(end, first + HOT_EVENTS_AT_ONCE)), (asked.start, asked.end)
            for bucket in await hot.buckets_by_time(stores.mongo, session, stream, span, times, fields):
                _add_columns(schema, bucket.columns)
        await hot.look_again(stores.mongo, session, stream.id, seam.cold)
        return schema

    return await settled(stores.mongo, stream, read)


def _add_live(schema: SchemaOf, live: Live | None) -> None:
    assert live is not None, "only live chunks are asked for"
    large = [
        one.name
        for one in live.field_summaries()
        if any(
            spot is not None and type(spot.value) is int and abs(spot.value) > EXACT_INT for spot in (one.min, one.max)
        )
    ]
    schema.add(live.fields(), large)


def _add_columns(schema: SchemaOf, columns: Sequence[Column]) -> None:
    large = [column.name for column in columns if has_large_integers(column)]
    schema.add([_field_of(column) for column in columns], large)


def _field_of(column: Column) -> Field:
    """As the compactor would store it."""
    if column.type != "values":
        return Field(column.name, column.type, column.shape)
    typed = classify(column.packed(), sparse=column.present is not None)
    return Field(column.name, typed.type, typed.shape, typed.nulls)
