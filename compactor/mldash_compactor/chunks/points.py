"""A metric's chunk ↔ Parquet: `index` (int64) and `time` (float64 seconds, of logging), then the fields."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mldash.events.field_statistics import is_number

from .objects import Encoded, decode_rows, encode_rows
from .parquet.metadata import Metadata
from .parquet.mixed_types import Field
from .rows import Cold, Part, join
from .summaries import presence


def fold(parts: Sequence[Part]) -> Cold:
    """Neighbouring parts of a metric, in index order, as one."""
    return join(parts)


def encode(rows: Cold, metadata: Metadata, known: Sequence[Field] = ()) -> Encoded:
    """The object that holds these points; `known`: the fields of the stream's chunks before it (inherited.py)."""
    own = {
        "index": pa.array(np.arange(rows.first_index, rows.end_index, dtype=np.int64)),
        "time": pa.array(np.frombuffer(rows.times, "<f8")),
    }
    return encode_rows(rows, metadata, own, event_times(rows), rows.first_index, known)


def decode(data: bytes, fields: Sequence[str] | None = None) -> Cold:
    """The points of an object, with all fields or only these. Raises ChunkDamaged."""
    return decode_rows(data, fields)


def event_times(rows: Part) -> NDArray[np.float64]:
    """Of each point: `_ts` where it was given, else when it was logged."""
    times = np.frombuffer(rows.times, "<f8")
    if rows.columns and rows.columns[0].type == "events":
        stamps = [event.get("_ts") for event in rows.columns[0].packed()]
        given = [at if is_number(at) else time for at, time in zip(stamps, times.tolist(), strict=True)]
        return np.array(given, np.float64)
    column = next((column for column in rows.columns if column.name == "_ts"), None)
    if column is None or column.shape or column.type == "bool":
        return times
    times = times.copy()
    if column.type == "values":
        for row, value in enumerate(column.values(rows.row_count)):
            if is_number(value):
                times[row] = value
        return times
    there = presence(column, rows.row_count)
    times[slice(None) if there is None else there] = np.asarray(column.packed(), np.float64)
    return times
