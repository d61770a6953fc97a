"""A Parquet file written a row group at a time, for a chunk that is too large to be held: types are planned before.

`stored_as` says how one bucket's column would be stored, `wider` what holds two of them, `to_planned` makes the arrays
of some rows by that plan, and `PartWriter` gives its bytes away while it goes on.
"""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mldash.ingest_workers.documents.columns import Column, events_of_columns

from .mixed_types import Field, classify, encode_value
from .parquet import DTYPES, column_encodings, column_name, from_numbers, spread, writer_options
from .rows import Cold
from .summaries import presence

_NUMBERS: Final = {"float64": pa.float64(), "float32": pa.float32(), "int64": pa.int64(), "bool": pa.bool_()}


def stored_as(column: Column) -> Field:
    """Text is typed where there is nothing else; whatever else is no packed number is MessagePack."""
    if column.type == "events":
        return Field("", "events")
    if column.type != "values":
        return Field(column.name, column.type, column.shape)
    typed = classify(column.packed(), sparse=True)
    return Field(column.name, "string" if typed.type == "string" else "values")


def wider(one: Field, other: Field) -> Field:
    """The type that holds both exactly."""
    if one == other:
        return one
    if one.shape == other.shape and {one.type, other.type} == {"float32", "float64"}:
        return Field(one.name, "float64", one.shape)
    return Field(one.name, "values")


def parquet_name(field: Field) -> str:
    return "events" if field.type == "events" else column_name(field.name)


def to_planned(rows: Cold, fields: Sequence[Field]) -> list[pa.Array]:
    """The rows' values of these fields, null where a field is absent."""
    if [field.type for field in fields] == ["events"]:
        if [column.type for column in rows.columns] == ["events"]:
            events: Sequence[Any] = rows.columns[0].packed()
        else:
            events = events_of_columns(rows.columns, rows.row_count)
        return [pa.array([encode_value(event) for event in events], pa.large_binary())]
    named = {column.name: column for column in rows.columns}
    return [_array(named.get(field.name), field, rows.row_count) for field in fields]


def _array(column: Column | None, field: Field, rows: int) -> pa.Array:
    if column is None:
        return pa.nulls(rows, _arrow_type(field))
    mask = presence(column, rows)
    if field.type in DTYPES:
        numbers = np.frombuffer(column.data, DTYPES[column.type]).astype(DTYPES[field.type], copy=False)
        return from_numbers(numbers, field.shape, mask, rows)
    if field.type == "string":
        return spread(column.packed(), mask, pa.large_string())
    return spread([encode_value(value) for value in column.packed()], mask, pa.large_binary())


def _arrow_type(field: Field) -> pa.DataType:
    if field.type == "string":
        return pa.large_string()
    kind = _NUMBERS.get(field.type, pa.large_binary())
    for _ in field.shape:
        kind = pa.large_list(kind)
    return kind


class _Sink(io.RawIOBase):
    """What the writer writes into, and what is taken from its head."""

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

    def __init__(self, own: Mapping[str, pa.DataType], fields: Sequence[Field]) -> None:
        stored = [(field, parquet_name(field)) for field in fields]
        kinds = {**own, **{name: _arrow_type(field) for field, name in stored}}
        self._schema = pa.schema([pa.field(name, kind, nullable=name not in own) for name, kind in kinds.items()])
        self._sink = _Sink()
        strings = [name for field, name in stored if field.type == "string"]
        encodings = column_encodings(own, stored)
        self._writer = pq.ParquetWriter(self._sink, self._schema, **writer_options(strings, encodings))

    @property
    def size(self) -> int:
        """Bytes so far."""
        return self._sink.size

    def write(self, arrays: Sequence[pa.Array]) -> None:
        """One row group."""
        table = pa.Table.from_arrays(list(arrays), schema=self._schema)
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
