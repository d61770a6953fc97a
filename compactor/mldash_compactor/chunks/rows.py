"""The rows of a range of a chain as columns, the form that hot buckets and cold chunks share."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from mldash.events.column_types import DTYPES, FLOATS, WIDTHS
from mldash.events.messagepack import join_arrays
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.columns import WIDE, Column, events_of_columns

from .parquet.mixed_types import encode_value
from .summaries import presence


class Cold(Struct, frozen=True, kw_only=True):
    """Rows of events [first_index, first_index + count), with the names that a hot Bucket uses for the same.

    Of a metric, row i is the event with index first_index + i. Of a track, rows are merged entries in time order, fewer
    than `count` where entries met at one time. `times` are float64, little endian, one a row: of logging for a metric,
    the timestamps of a track (documents.columns.unpack_times makes an array of them).
    """

    first_index: int
    count: int
    times: bytes
    columns: Sequence[Column]

    @property
    def end_index(self) -> int:
        return self.first_index + self.count

    @property
    def row_count(self) -> int:
        return len(self.times) // 8


Part = Bucket | Cold


def join(parts: Sequence[Part]) -> Cold:
    """Neighbouring parts, in index order, end to end: packed numbers are only put together, nothing is decoded."""
    return Cold(
        first_index=parts[0].first_index,
        count=sum(part.count for part in parts),
        times=b"".join(part.times for part in parts),
        columns=_join_columns(parts),
    )


def _join_columns(parts: Sequence[Part]) -> list[Column]:
    named: dict[str, list[tuple[int, Column]]] = {}  # field → (number of the part, its column)
    wide = False
    for number, part in enumerate(parts):
        for column in part.columns:
            wide |= column.type == "events"
            named.setdefault(column.name, []).append((number, column))
    if wide or len(named) > WIDE:
        return [_join_events(parts)]
    counts = [part.row_count for part in parts]
    return [_join_field(name, counts, found) for name, found in named.items()]


def _join_events(parts: Sequence[Part]) -> Column:
    return Column("", "events", join_arrays(map(_events, parts)))


def _events(part: Part) -> bytes:
    if len(part.columns) == 1 and part.columns[0].type == "events":
        return part.columns[0].data
    return encode_value(events_of_columns(part.columns, part.row_count))


def _join_field(name: str, counts: Sequence[int], found: Sequence[tuple[int, Column]]) -> Column:
    columns = [column for _, column in found]
    first = columns[0]
    same_shape = all(column.shape == first.shape for column in columns)
    present = _join_presence(counts, dict(found))
    if first.type in WIDTHS and same_shape and all(column.type == first.type for column in columns):
        return Column(name, first.type, b"".join(column.data for column in columns), present, first.shape)
    if same_shape and all(column.type in FLOATS for column in columns):
        widened = (np.frombuffer(column.data, DTYPES[column.type]).astype("<f8") for column in columns)
        return Column(name, "float64", b"".join(part.tobytes() for part in widened), present, first.shape)
    return Column(name, "values", join_arrays(map(_as_values, columns)), present)


def _as_values(column: Column) -> bytes:
    return column.data if column.type == "values" else encode_value(list(column.packed()))


def _join_presence(counts: Sequence[int], found: dict[int, Column]) -> bytes | None:
    if len(found) == len(counts) and all(column.present is None for column in found.values()):
        return None
    masks = []
    for number, count in enumerate(counts):
        column = found.get(number)
        mask = np.zeros(count, np.bool_) if column is None else presence(column, count)
        masks.append(np.ones(count, np.bool_) if mask is None else mask)
    return np.packbits(np.concatenate(masks), bitorder="little").tobytes()
