"""Columns ↔ Parquet: types, encodings and pages, for points and entries alike.

The first columns are the chunk's own (`index` and `time` of points, `time` of entries), sorted by the first; then a
column a field, in the order in which the fields first appeared. A field whose name is one of ours, or empty, stands in
the column "field:{name}", and so does one that begins with "field:"; every other name is its column's.

Pages hold 1,000 rows at most, each with a checksum, and there is a page index: pages.py reads some of them alone.
Row groups hold at most 64 MiB. Numbers are zstd over BYTE_STREAM_SPLIT (floats) and DELTA_BINARY_PACKED (integers);
text has a dictionary. There is no Arrow schema in the file: `mldash.fields` says what Parquet's types do not.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mldash.ingest_workers.documents.columns import Column

from .errors import ChunkDamaged
from .mixed_types import Field, classify, encode_value, pack_array
from .summaries import presence

PAGE_ROWS: Final = 1_000
ROW_GROUP_BYTES: Final = 64 << 20

_ESCAPE: Final = "field:"
_OWN_NAMES: Final = frozenset({"", "index", "time", "events"})
DTYPES: Final = {"float64": "<f8", "float32": "<f4", "int64": "<i8", "bool": "|b1"}
_ENCODINGS: Final = {"float64": "BYTE_STREAM_SPLIT", "float32": "BYTE_STREAM_SPLIT", "int64": "DELTA_BINARY_PACKED"}
_Mask = NDArray[np.bool_]


def column_name(field: str) -> str:
    """The Parquet column of a field; no two fields have one."""
    return _ESCAPE + field if field in _OWN_NAMES or field.startswith(_ESCAPE) else field


def to_arrow(column: Column, rows: int) -> tuple[Field, str, pa.Array]:
    """How the field is stored, in which Parquet column, and its values, one a row."""
    mask = presence(column, rows)
    if column.type == "events":
        events = pa.array([encode_value(event) for event in column.packed()], pa.large_binary())
        return Field("", "events"), "events", events
    name = column_name(column.name)
    if column.type != "values":
        numbers = np.frombuffer(column.data, DTYPES[column.type])
        return Field(column.name, column.type, column.shape), name, from_numbers(numbers, column.shape, mask, rows)
    typed = classify(column.packed(), sparse=mask is not None)
    field = Field(column.name, typed.type, typed.shape, typed.nulls)
    if typed.nulls == "none":
        mask = np.fromiter((value is not None for value in column.packed()), np.bool_, rows)
    if typed.type in DTYPES:
        return field, name, from_numbers(np.array(typed.values, DTYPES[typed.type]), typed.shape, mask, rows)
    if typed.type == "string":
        return field, name, spread(typed.values, mask, pa.large_string())
    return field, name, spread([encode_value(value) for value in typed.values], mask, pa.large_binary())


def from_numbers(flat: NDArray[Any], shape: tuple[int, ...], mask: _Mask | None, rows: int) -> pa.Array:
    if shape:
        return _lists(flat, shape, mask, rows)
    if mask is None:
        return pa.array(flat)
    spread = np.zeros(rows, flat.dtype)
    spread[mask] = flat
    return pa.array(spread, mask=~mask)


def _lists(flat: NDArray[Any], shape: tuple[int, ...], mask: _Mask | None, rows: int) -> pa.Array:
    values = pa.array(flat)
    found = rows if mask is None else int(mask.sum())
    for depth in range(len(shape) - 1, 0, -1):
        lists = found * int(np.prod(shape[:depth], dtype=np.int64))
        values = pa.LargeListArray.from_arrays(np.arange(lists + 1, dtype=np.int64) * shape[depth], values)
    lengths = np.full(rows, shape[0], np.int64) if mask is None else np.where(mask, shape[0], 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    nulls = None if mask is None else pa.array(~mask)
    return pa.LargeListArray.from_arrays(pa.array(offsets), values, mask=nulls)


def spread(found: Sequence[Any], mask: _Mask | None, kind: pa.DataType) -> pa.Array:
    if mask is None:
        return pa.array(found, kind)
    values = iter(found)
    return pa.array([next(values) if there else None for there in mask.tolist()], kind)


class File(NamedTuple):
    """A whole file; its last `tail_bytes`, behind all rows, are page indexes and footer (pages.py)."""

    data: bytes
    tail_bytes: int


def write(
    own: Mapping[str, pa.Array],
    stored: Sequence[tuple[Field, str, pa.Array]],
    metadata: Mapping[str, str],
) -> File:
    """One Parquet file, sorted by the first column."""
    names = [*own, *(name for _, name, _ in stored)]
    arrays = [*own.values(), *(array for _, _, array in stored)]
    schema = pa.schema([pa.field(n, a.type, nullable=n not in own) for n, a in zip(names, arrays, strict=True)])
    table = pa.Table.from_arrays(arrays, schema=schema)
    rows = max(1, table.num_rows)
    out = pa.BufferOutputStream()
    encodings = column_encodings({name: array.type for name, array in own.items()}, [one[:2] for one in stored])
    strings = [name for field, name, _ in stored if field.type == "string"]
    with pq.ParquetWriter(out, schema, **writer_options(strings, encodings)) as writer:
        writer.write_table(table, max(1, min(rows, rows * ROW_GROUP_BYTES // max(1, table.nbytes))))
        writer.add_key_value_metadata(dict(metadata))
        rows_end = out.tell()
    data: bytes = out.getvalue().to_pybytes()
    return File(data, len(data) - rows_end)


def writer_options(strings: Sequence[str], encodings: Mapping[str, str]) -> dict[str, Any]:
    """How every file of ours is written."""
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": list(strings),
        "column_encoding": dict(encodings),
        "max_rows_per_page": PAGE_ROWS,
        "write_batch_size": PAGE_ROWS,
        "write_page_index": True,
        "write_page_checksum": True,
        "store_schema": False,
        "sorting_columns": [pq.SortingColumn(0)],
    }


def column_encodings(own: Mapping[str, pa.DataType], stored: Sequence[tuple[Field, str]]) -> dict[str, str]:
    """By path in the file; none where two columns have one path (a list `a` and a field "a.list.element")."""
    paths = [
        ("DELTA_BINARY_PACKED" if pa.types.is_integer(kind) else "BYTE_STREAM_SPLIT", n) for n, kind in own.items()
    ]
    paths += [(_ENCODINGS.get(field.type, ""), name + ".list.element" * len(field.shape)) for field, name in stored]
    if len({path for _, path in paths}) < len(paths):
        return {}
    return {path: encoding for encoding, path in paths if encoding}


class Reading:
    """One Parquet file in memory. Every fault of the bytes is a ChunkDamaged."""

    def __init__(self, data: bytes) -> None:
        try:
            self._file = pq.ParquetFile(pa.BufferReader(data))
        except (pa.ArrowException, OSError) as error:
            raise ChunkDamaged("", f"no Parquet file: {error}") from error
        self.text: Mapping[bytes, bytes] = self._file.metadata.metadata or {}

    def read(self, columns: Sequence[str]) -> pa.Table:
        """These columns; perhaps others too, for Parquet's paths take `a` for the parent of `a.b`."""
        try:
            return self._file.read(columns=list(columns), use_threads=False)
        except (pa.ArrowException, OSError) as error:
            raise ChunkDamaged("", f"its pages can't be read: {error}") from error


def times_of(table: pa.Table) -> bytes:
    """The column `time`, packed."""
    return bytes(table.column("time").to_numpy().astype("<f8", copy=False).tobytes())


def from_arrow(field: Field, array: pa.ChunkedArray) -> Column:
    """The column of documents.columns that holds the same values."""
    if field.type in ("values", "events"):
        return _encoded(field, array)
    if field.type == "string" or field.nulls == "none":
        values = array.to_pylist()
        if field.nulls == "none":
            return Column(field.name, "values", encode_value(values))
        found = [value for value in values if value is not None]
        return Column(field.name, "values", encode_value(found), _present(array))
    flat = array.drop_null().combine_chunks()
    for _ in field.shape:
        flat = flat.flatten()
    numbers = np.asarray(flat.to_numpy(zero_copy_only=False)).astype(DTYPES[field.type], copy=False)
    return Column(field.name, field.type, numbers.tobytes(), _present(array), tuple(field.shape))


def _encoded(field: Field, array: pa.ChunkedArray) -> Column:
    found = [value for value in array.to_pylist() if value is not None]
    data = pack_array(len(found), found)
    return Column(field.name, "events" if field.type == "events" else "values", data, _present(array))


def _present(array: pa.ChunkedArray) -> bytes | None:
    if not array.null_count:
        return None
    valid = array.is_valid().to_numpy()
    return np.packbits(valid, bitorder="little").tobytes()
