"""A Parquet file written a row group at a time, for a chunk that is too large to be held: types are planned before.

`stored_as` says how one bucket's column would be stored, `wider` what holds two of them, `settled` what the file has in
the end, and `PartWriter` makes the columns of some rows by it, and gives its bytes away while it goes on.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mldash.answers.nan_statistics import may_hold_nan, paths_with_statistics
from mldash.events.column_types import DTYPES, FLOATS, NUMBERS
from mldash_compactor.chunks.rows import Cold
from mldash_compactor.chunks.summaries import presence
from mldash_ingest.documents.columns import Column, events_of_columns

from .columns import (
    TYPED,
    Stored,
    are_exact,
    arrow_type,
    column_encodings,
    nulls_of,
    spread,
    to_arrow,
    writer_options,
)
from .marks import MOST_BITS, Marks, Mask
from .mixed_types import Field, classify, encode_value
from .names import EVENTS, column_name

_NUMBERS: Final = NUMBERS | {"numbers"}


def stored_as(column: Column) -> Field:
    """By itself; nulls are marked where there is any None."""
    if column.type == "events":
        return Field("", "events")
    if column.type != "values":
        return Field(column.name, column.type, column.shape)
    typed = classify(column.packed(), sparse=True)
    return Field(column.name, typed.type, typed.shape, typed.nulls)


def wider(one: Field, other: Field) -> Field:
    """The type that holds both; of integers beside floats only where all of them are exact as float64."""
    nulls = one.nulls if one.nulls == other.nulls else "marked"
    kinds = {one.type, other.type}
    if "none" in kinds and len(kinds) > 1 and "values" not in kinds:
        typed = one if other.type == "none" else other
        return Field(one.name, typed.type, typed.shape, nulls)
    if one.shape == other.shape:
        if len(kinds) == 1:
            return Field(one.name, one.type, one.shape, nulls)
        if kinds <= _NUMBERS:
            return Field(one.name, "float64" if kinds <= FLOATS else "numbers", one.shape, nulls)
    return Field(one.name, "values")


def has_large_integers(column: Column) -> bool:
    """Whether some of its packed integers are not exact as float64."""
    return column.type == "int64" and not are_exact(np.frombuffer(column.data, "<i8"))


def has_nan(column: Column) -> bool:
    """Whether it may hold NaN: of packed numbers it is known."""
    if column.type == "values":
        return True
    return column.type in FLOATS and bool(np.isnan(np.frombuffer(column.data, DTYPES[column.type])).any())


def settled(field: Field, known: Field | None, rows: int, *, large_integers: bool) -> Field:
    """The final type of a field of the file; `known`: how chunks before have it."""
    if field.type == "none" and known is not None and known.type in TYPED:
        return Field(field.name, known.type, known.shape, "marked")
    exact = not large_integers and rows * field.width <= MOST_BITS
    if field.type == "numbers":
        return field if exact else Field(field.name, "values")
    if known is None or known.type not in ("float64", "numbers") or known.shape != field.shape:
        return field
    if field.type == "float32":
        return Field(field.name, "float64", field.shape, field.nulls)
    return Field(field.name, "numbers", field.shape, field.nulls) if field.type == "int64" and exact else field


def parquet_name(field: Field) -> str:
    return EVENTS if field.type == "events" else column_name(field.name)


def _to_planned(rows: Cold, fields: Sequence[Field]) -> list[Stored]:
    """The rows' values of these fields, null where a field is absent."""
    if [field.type for field in fields] == ["events"]:
        if [column.type for column in rows.columns] == ["events"]:
            events: Sequence[Any] = rows.columns[0].packed()
        else:
            events = events_of_columns(rows.columns, rows.row_count)
        return [Stored(fields[0], EVENTS, pa.array([encode_value(event) for event in events], pa.large_binary()))]
    named = {column.name: column for column in rows.columns}
    return [_planned(named.get(field.name), field, rows.row_count) for field in fields]


def _planned(column: Column | None, field: Field, rows: int) -> Stored:
    if column is None:
        return nulls_of(field, rows)
    if field.type == "values":
        values = [encode_value(value) for value in column.packed()]
        return Stored(field, column_name(field.name), spread(values, presence(column, rows), pa.large_binary()))
    return to_arrow(column, rows, field)


class MarksOfParts:
    """Those of a whole file, gathered part by part."""

    def __init__(self) -> None:
        self._rows = 0
        self._found: dict[str, list[tuple[int, int, Mask, Mask]]] = {}

    def add(self, stored: Sequence[Stored], rows: int) -> None:
        for one in stored:
            marks = one.marks or Marks(one.field.name)
            nones = marks.none_mask(0, rows)
            if one.field.nulls == "none":
                nones = one.array.is_null().to_numpy(zero_copy_only=False)
            integers = marks.integer_mask(0, rows, one.field.width)
            if nones.any() or integers.any():
                self._found.setdefault(one.field.name, []).append((self._rows, one.field.width, integers, nones))
        self._rows += rows

    def all(self) -> list[Marks]:
        made = [self._of(name, parts) for name, parts in self._found.items()]
        return [one for one in made if one is not None]

    def _of(self, name: str, parts: Sequence[tuple[int, int, Mask, Mask]]) -> Marks | None:
        width = max(width for _, width, _, _ in parts)
        integers, nones = np.zeros(self._rows * width, np.bool_), np.zeros(self._rows, np.bool_)
        for first, own, some, missing in parts:
            nones[first : first + len(missing)] = missing
            if own == width:
                integers[first * width : first * width + len(some)] = some
        return Marks.of(name, integers, nones)


class _Sink(io.RawIOBase):
    """A buffer that the writer fills, and whose head is taken away."""

    def __init__(self) -> None:
        super().__init__()
        self.held = bytearray()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.held += data
        self.size += len(data)
        return len(data)


class PartWriter:
    """`write` the arrays of one row group after another, `take` what is ready, `close` with the metadata."""

    def __init__(
        self, own: Mapping[str, pa.DataType], fields: Sequence[Field], nan: Sequence[str] | None = None
    ) -> None:
        """`nan`: the fields that may hold NaN; None: any may."""
        stored = [(field, parquet_name(field)) for field in fields]
        kinds = {**own, **{name: arrow_type(field) for field, name in stored}}
        self._schema = pa.schema([pa.field(name, kind, nullable=name not in own) for name, kind in kinds.items()])
        self._fields, self._sink, self._marks = fields, _Sink(), MarksOfParts()
        strings = [name for field, name in stored if field.type == "string"]
        without = {
            name
            for field, name in stored
            if may_hold_nan(kinds[name]) and not field.inherited and (nan is None or field.name in nan)
        }
        statistics = paths_with_statistics(self._schema, without)
        options = writer_options(strings, column_encodings(own, stored), statistics)
        self._writer = pq.ParquetWriter(self._sink, self._schema, **options)

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._sink.size

    @property
    def marks(self) -> list[Marks]:
        """Of all rows so far."""
        return self._marks.all()

    def write(self, own: Sequence[pa.Array], rows: Cold) -> None:
        """One row group."""
        stored = _to_planned(rows, self._fields)
        self._marks.add(stored, rows.row_count)
        table = pa.Table.from_arrays([*own, *(one.array for one in stored)], schema=self._schema)
        self._writer.write_table(table, max(1, table.num_rows))

    def close(self, metadata: Mapping[str, str]) -> bytes:
        """Page indexes and footer, which stand behind all rows."""
        rows_end = self.size
        self._writer.add_key_value_metadata(dict(metadata))
        self._writer.close()
        return bytes(self._sink.held[rows_end - self.size :])

    def take(self, size: int, *, last: bool) -> bytes:
        """Exactly so many bytes from the head, less only where `last`; nothing where there are not so many yet."""
        held = self._sink.held
        if len(held) < size and not last:
            return b""
        part = bytes(held[:size])
        del held[:size]
        return part
