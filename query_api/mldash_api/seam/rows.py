"""Rows of a bucket or chunk → events as maps: only these rows, only these fields, and columns decoded at once."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash_compactor.chunks.rows import Cold, Part
from mldash_ingest.documents.columns import ABSENT, Column, select, unpack_times, value_width

_encode = msgspec.msgpack.Encoder().encode


class Rows(Struct, frozen=True):
    """Rows start … stop - 1 of a part."""

    part: Part
    start: int
    stop: int

    @property
    def count(self) -> int:
        return self.stop - self.start

    @property
    def first_index(self) -> int:
        """Of the first row; for kinds that have a row an event."""
        return self.part.first_index + self.start

    def times(self) -> "array[float]":
        return times_of([self])


def times_of(rows: Sequence[Rows]) -> "array[float]":
    """Of all these rows, end to end."""
    return unpack_times(b"".join(one.part.times[one.start * 8 : one.stop * 8] for one in rows))


def rows_of_indices(part: Part, first_index: int, end_index: int) -> Rows:
    """The rows of a part that are events in [first_index, end_index); for kinds that have a row an event."""
    start = max(0, first_index - part.first_index)
    return Rows(part, start, max(start, min(part.row_count, end_index - part.first_index)))


def rows_of_times(part: Part, start: float, end: float) -> Rows:
    """The rows of a part with times in [start, end]; for tracks, whose rows are sorted by time."""
    times = unpack_times(part.times)
    first = bisect_left(times, start)
    return Rows(part, first, max(first, bisect_right(times, end)))


def alone(rows: Rows) -> Rows:
    """The same rows without most of the others of their part, which memory would hold as long as them."""
    if rows.count * 2 >= rows.part.row_count:
        return rows
    return Rows(cut(rows), 0, rows.count)


def cut(rows: Rows) -> Cold:
    """A part with these rows only; fields that are absent in all of them have no column."""
    columns = [_cut_column(column, rows) for column in rows.part.columns]
    return Cold(
        first_index=rows.part.first_index,
        count=rows.part.count,
        times=rows.part.times[rows.start * 8 : rows.stop * 8],
        columns=[column for column in columns if column is not None],
    )


def _cut_column(column: Column, rows: Rows) -> Column | None:
    start, stop, present = rows.start, rows.stop, None
    if column.present is not None:
        bits = _presence_bits(column.present, rows)
        start = int(bits[: rows.start].sum())
        stop = start + int(bits[rows.start : rows.stop].sum())
        if start == stop:
            return None
        present = np.packbits(bits[rows.start : rows.stop], bitorder="little").tobytes()
    if column.type in ("values", "events"):
        data = _encode(list(column.packed()[start:stop]))
    else:
        width = value_width(column)
        data = column.data[start * width : stop * width]
    return msgspec.structs.replace(column, data=data, present=present)


def events_of(rows: Rows, fields: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """One map a row, with its own fields only, of these alone (None: all)."""
    names, columns = columns_of(rows, fields)
    if not names:
        return [{} for _ in range(rows.count)]
    if names == [""] and rows.part.columns[0].type == "events":
        return columns[0]
    table = zip(*columns, strict=True)
    if all(column.present is None for column in rows.part.columns):
        return [dict(zip(names, row, strict=True)) for row in table]
    return [{name: value for name, value in zip(names, row, strict=True) if value is not ABSENT} for row in table]


def columns_of(rows: Rows, fields: Sequence[str] | None = None) -> tuple[list[str], list[list[Any]]]:
    """Names, and of each the values of these rows, ABSENT among them; whole events as one column named ""."""
    if rows.part.columns and rows.part.columns[0].type == "events":
        return [""], [_whole_events(rows, fields)]
    chosen = select(rows.part.columns, fields)
    return [column.name for column in chosen], [_values(column, rows) for column in chosen]


def _whole_events(rows: Rows, fields: Sequence[str] | None) -> list[Any]:
    events = list(rows.part.columns[0].packed()[rows.start : rows.stop])
    if fields is None:
        return events
    wanted = set(fields)
    return [{name: value for name, value in event.items() if name in wanted} for event in events]


def _values(column: Column, rows: Rows) -> list[Any]:
    start, stop = rows.start, rows.stop
    if column.present is not None:
        # Whether each row has the field, and how many rows before the first one have.
        bits = _presence_bits(column.present, rows)
        there = bits[start:stop].tolist()
        before = int(bits[:start].sum())
        found = iter(_packed(column, before, before + sum(there)))
        return [next(found) if bit else ABSENT for bit in there]
    return _packed(column, start, stop)


def _presence_bits(present: bytes, rows: Rows) -> NDArray[np.uint8]:
    return np.unpackbits(np.frombuffer(present, np.uint8), count=rows.part.row_count, bitorder="little")


def _packed(column: Column, start: int, stop: int) -> list[Any]:
    """Values start … stop - 1 of those that are there; of packed numbers nothing else is decoded."""
    if column.type == "values":
        return list(column.packed()[start:stop])
    width = value_width(column)
    piece = msgspec.structs.replace(column, data=column.data[start * width : stop * width])
    return list(piece.packed())
