"""Columns ↔ Parquet: types, encodings and pages, for points and entries alike.

The first columns are the chunk's own (`index` and `time` of points, `time` of entries), sorted by the first; then a
column a field, in the order in which the fields first appeared, and those that only earlier chunks of the stream have
(inherited.py). names.py says what a field's column is called.

Pages hold 1,000 rows at most, each with a checksum, and there is a page index: pages.py reads some of them alone.
Row groups hold at most 64 MiB. Numbers are zstd over BYTE_STREAM_SPLIT (floats) and DELTA_BINARY_PACKED (integers);
text has a dictionary. There is no Arrow schema in the file: `mldash.fields` says what Parquet's types do not.

A column that holds NaN has no least and greatest value, neither of its row groups nor of its pages: most readers take
NaN for a number between the two, or for none at all, and leave out the rows that were asked for
(mldash/answers/nan_statistics.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mldash.answers.nan_statistics import holds_nan, paths_with_statistics
from mldash.events.column_types import DTYPES, EXACT_INT, FACTS
from mldash.events.messagepack import pack_array
from mldash_compactor.chunks.errors import ChunkDamaged
from mldash_compactor.chunks.summaries import presence
from mldash_ingest.documents.columns import Column, StoredType

from .marks import MOST_BITS, Marks, Mask, integers_of
from .mixed_types import Field, Typed, classify, encode_value
from .names import EVENTS, column_name

PAGE_ROWS: Final = 1_000
ROW_GROUP_BYTES: Final = 64 << 20

FIELD_DTYPES: Final = DTYPES | {"numbers": DTYPES["float64"]}
TYPED: Final = frozenset({*FIELD_DTYPES, "string"})
"""Types whose column says what its values are, also where it holds none."""
ARROW: Final[dict[str, pa.DataType]] = {
    **{name: pa.type_for_alias(name) for name in FACTS},
    "numbers": pa.float64(),
    "string": pa.large_string(),
    "none": pa.null(),
}
_ENCODINGS: Final = {  # Parquet's names, and only a writer's choice: so they are not among the facts of a type
    "float64": "BYTE_STREAM_SPLIT",
    "float32": "BYTE_STREAM_SPLIT",
    "numbers": "BYTE_STREAM_SPLIT",
    "int64": "DELTA_BINARY_PACKED",
}
_IN_FLOAT64: Final = frozenset({"float64", "numbers"})


class Stored(NamedTuple):
    """A field, the Parquet column that it is in, its values, one a row, and what they do not say by themselves."""

    field: Field
    column: str
    array: pa.Array
    marks: Marks | None = None


def arrow_type(field: Field) -> pa.DataType:
    """Of the field's column."""
    kind = ARROW.get(field.type, pa.large_binary())
    for _ in field.shape:
        kind = pa.large_list(kind)
    return kind


def nulls_of(field: Field, rows: int) -> Stored:
    """The column of a field that no row has."""
    return Stored(field, column_name(field.name), pa.nulls(rows, arrow_type(field)))


def to_arrow(column: Column, rows: int, known: Field | None = None) -> Stored:
    """How the field is stored. `known`: how chunks before this one have it; where they have float64, integers and
    float32 are put there too, so that the column is of one type in all of them."""
    mask = presence(column, rows)
    if column.type == "events":
        events = pa.array([encode_value(event) for event in column.packed()], pa.large_binary())
        return Stored(Field("", "events"), EVENTS, events)
    if column.type == "values":
        return _classified(column, rows, mask, known)
    numbers = np.frombuffer(column.data, FIELD_DTYPES[column.type])
    return _of_numbers(Field(column.name, column.type, column.shape), numbers, (mask, None), rows, known)


def _classified(column: Column, rows: int, present: Mask | None, known: Field | None) -> Stored:
    values = column.packed()
    typed = classify(values, sparse=present is not None)
    mask, nones = _without_none(values, typed, present, rows)
    field, name = Field(column.name, typed.type, typed.shape, typed.nulls), column_name(column.name)
    if typed.type == "numbers" and rows * field.width > MOST_BITS:
        typed, mask, field = Typed("values", (), "absent", values), present, Field(column.name, "values")
    if typed.type in FIELD_DTYPES:
        numbers = np.array(typed.values, FIELD_DTYPES[typed.type])
        integers = None
        if typed.type == "numbers":
            integers = integers_of(typed.values, mask, field.width, rows * field.width)
        return _of_numbers(field, numbers, (mask, nones), rows, known, integers)
    if typed.type == "none":
        if known is not None and known.type in TYPED:
            field = Field(column.name, known.type, known.shape, typed.nulls)
        return Stored(field, name, pa.nulls(rows, arrow_type(field)), Marks.of(column.name, None, nones))
    if typed.type == "string":
        array = spread(typed.values, mask, pa.large_string())
        return Stored(field, name, array, Marks.of(column.name, None, nones))
    return Stored(field, name, spread([encode_value(value) for value in typed.values], mask, pa.large_binary()))


def _without_none(
    values: Sequence[Any], typed: Typed, present: Mask | None, rows: int
) -> tuple[Mask | None, Mask | None]:
    """The rows that have a value in Parquet (None: all), and where nulls are marked those that are None."""
    if typed.nulls == "absent":
        return present, None
    there = np.fromiter((value is not None for value in values), np.bool_, len(values))
    if present is None:
        return there, None
    mask = np.zeros(rows, np.bool_)
    mask[present] = there
    return mask, present & ~mask


def _of_numbers(
    field: Field,
    numbers: NDArray[Any],
    masks: tuple[Mask | None, Mask | None],
    rows: int,
    known: Field | None,
    integers: Mask | None = None,
) -> Stored:
    mask, nones = masks
    if known is not None and known.type in _IN_FLOAT64 and field.type != known.type and field.shape == known.shape:
        field, numbers, integers = _as_floats(field, numbers, mask, rows, integers)
    array = _from_numbers(numbers, field.shape, mask, rows)
    return Stored(field, column_name(field.name), array, Marks.of(field.name, integers, nones))


def _as_floats(
    field: Field, numbers: NDArray[Any], mask: Mask | None, rows: int, integers: Mask | None = None
) -> tuple[Field, NDArray[Any], Mask | None]:
    """The same numbers as float64, where that is exact."""
    if field.type == "float32":
        return Field(field.name, "float64", field.shape, field.nulls), numbers.astype("<f8"), None
    if field.type != "int64" or rows * field.width > MOST_BITS or not are_exact(numbers):
        return field, numbers, integers
    whole = np.ones(rows, np.bool_) if mask is None else mask
    every = np.repeat(whole, field.width)
    return Field(field.name, "numbers", field.shape, field.nulls), numbers.astype("<f8"), every


def are_exact(integers: NDArray[Any]) -> bool:
    """Whether a float64 holds each of them."""
    return not len(integers) or (int(integers.max()) <= EXACT_INT and int(integers.min()) >= -EXACT_INT)


def _from_numbers(flat: NDArray[Any], shape: tuple[int, ...], mask: Mask | None, rows: int) -> pa.Array:
    if shape:
        return _lists(flat, shape, mask, rows)
    if mask is None:
        return pa.array(flat)
    spread = np.zeros(rows, flat.dtype)
    spread[mask] = flat
    return pa.array(spread, mask=~mask)


def _lists(flat: NDArray[Any], shape: tuple[int, ...], mask: Mask | None, rows: int) -> pa.Array:
    values = pa.array(flat)
    found = rows if mask is None else int(mask.sum())
    for depth in range(len(shape) - 1, 0, -1):
        lists = found * int(np.prod(shape[:depth], dtype=np.int64))
        values = pa.LargeListArray.from_arrays(np.arange(lists + 1, dtype=np.int64) * shape[depth], values)
    lengths = np.full(rows, shape[0], np.int64) if mask is None else np.where(mask, shape[0], 0)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    nulls = None if mask is None else pa.array(~mask)
    return pa.LargeListArray.from_arrays(pa.array(offsets), values, mask=nulls)


def spread(found: Sequence[Any], mask: Mask | None, kind: pa.DataType) -> pa.Array:
    if mask is None:
        return pa.array(found, kind)
    values = iter(found)
    return pa.array([next(values) if there else None for there in mask.tolist()], kind)


class File(NamedTuple):
    """A whole file; its last `tail_bytes`, behind all rows, are page indexes and footer (pages.py)."""

    data: bytes
    tail_bytes: int


def write(own: Mapping[str, pa.Array], stored: Sequence[Stored], metadata: Mapping[str, str]) -> File:
    """One Parquet file, sorted by the first column."""
    names = [*own, *(one.column for one in stored)]
    arrays = [*own.values(), *(one.array for one in stored)]
    schema = pa.schema([pa.field(n, a.type, nullable=n not in own) for n, a in zip(names, arrays, strict=True)])
    table = pa.Table.from_arrays(arrays, schema=schema)
    rows = max(1, table.num_rows)
    out = pa.BufferOutputStream()
    encodings = column_encodings({name: array.type for name, array in own.items()}, [one[:2] for one in stored])
    strings = [one.column for one in stored if one.field.type == "string"]
    nan = {name for name, array in zip(names, arrays, strict=True) if holds_nan(array)}
    options = writer_options(strings, encodings, paths_with_statistics(schema, nan))
    with pq.ParquetWriter(out, schema, **options) as writer:
        writer.write_table(table, max(1, min(rows, rows * ROW_GROUP_BYTES // max(1, table.nbytes))))
        writer.add_key_value_metadata(dict(metadata))
        rows_end = out.tell()
    data: bytes = out.getvalue().to_pybytes()
    return File(data, len(data) - rows_end)


def writer_options(
    strings: Sequence[str], encodings: Mapping[str, str], statistics: Sequence[str] | bool
) -> dict[str, Any]:
    """How every file of ours is written."""
    return {
        "compression": "zstd",
        "compression_level": 3,
        "use_dictionary": list(strings),
        "column_encoding": dict(encodings),
        "write_statistics": statistics,
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


def from_arrow(field: Field, array: pa.ChunkedArray, marks: Marks | None = None, first_row: int = 0) -> Column:
    """The column of documents.columns that holds the same values. `first_row`: where in its chunk the array begins."""
    if field.type in ("values", "events"):
        return _encoded(field, array)
    valid: Mask = array.is_valid().to_numpy() if array.null_count else np.ones(len(array), np.bool_)
    if field.nulls == "absent" and field.type in FIELD_DTYPES:
        numbers = _flat(field, array)
        kind = _packed_type(field, marks, first_row, valid)
        if kind is not None:
            packed = numbers.astype(FIELD_DTYPES[kind], copy=False).tobytes()
            return Column(field.name, kind, packed, _present(valid), tuple(field.shape))
    values, there = _values(field, array, valid, marks, first_row), valid
    if field.nulls != "absent":
        nones = Marks(field.name) if marks is None else marks
        there = np.ones_like(valid) if field.nulls == "none" else valid | nones.none_mask(first_row, len(array))
        found = iter(values)
        values = [next(found) if valued else None for valued in valid[there].tolist()]
    return Column(field.name, "values", encode_value(values), _present(there))


def _packed_type(field: Field, marks: Marks | None, first_row: int, valid: Mask) -> StoredType | None:
    """Of a column of numbers, as what it is packed; None where there are integers beside floats."""
    if field.type != "numbers":
        return cast(StoredType, field.type)
    integers = _integers(field, marks, first_row, valid)
    return "float64" if not integers.any() else "int64" if integers.all() else None


def _values(field: Field, array: pa.ChunkedArray, valid: Mask, marks: Marks | None, first_row: int) -> list[Any]:
    """Those of the rows that have one."""
    if field.type not in FIELD_DTYPES:
        found: list[Any] = array.drop_null().to_pylist()
        return found
    flat: list[Any] = _flat(field, array).tolist()
    if field.type == "numbers":
        for at in np.flatnonzero(_integers(field, marks, first_row, valid)).tolist():
            flat[at] = int(flat[at])
    for length in reversed(field.shape):
        flat = [flat[at : at + length] for at in range(0, len(flat), length)]
    return flat


def _flat(field: Field, array: pa.ChunkedArray) -> NDArray[Any]:
    flat = array.drop_null().combine_chunks()
    for _ in field.shape:
        flat = flat.flatten()
    return np.asarray(flat.to_numpy(zero_copy_only=False)).astype(FIELD_DTYPES[field.type], copy=False)


def _integers(field: Field, marks: Marks | None, first_row: int, valid: Mask) -> Mask:
    """Of the numbers of the rows that have one."""
    if marks is None:
        return np.zeros(int(valid.sum()) * field.width, np.bool_)
    found = marks.integer_mask(first_row, len(valid), field.width)
    return found[np.repeat(valid, field.width)]


def _encoded(field: Field, array: pa.ChunkedArray) -> Column:
    found = [value for value in array.to_pylist() if value is not None]
    data = pack_array(len(found), found)
    kind: StoredType = "events" if field.type == "events" else "values"
    return Column(field.name, kind, data, _present(array.is_valid().to_numpy()))


def _present(there: Mask) -> bytes | None:
    return None if there.all() else np.packbits(there, bitorder="little").tobytes()
