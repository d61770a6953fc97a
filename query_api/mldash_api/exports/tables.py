"""Points and entries as Arrow: one schema for a range, and rows as record batches of it, columns put over as they lie.

index       int64, of points · createdAt   timestamp[us, UTC], likewise
timestamp   float64, of entries
a field     the type that all of its values in the range have: float64, float32, int64, bool, string, or lists of
            fixed length of numbers. float32 beside float64, and int64 beside floats where every int is exact in
            one, are float64. What is mixed otherwise is string: the JSON text of each value, as
            mldash/answers/column_values.py writes it, with {"mldash.encoding": "json"} in the column's metadata
events      of points with very many fields: the JSON text of each as a whole, "mldash.encoding" is "events"
absent and None are null. A field called as one of the columns that are there anyhow has a "_" before its name, and the
fields of entries are called as they are shown (mldash/answers/names.py). In Parquet no column of floats says its
least and greatest value, for it may hold NaN (mldash/answers/nan_statistics.py)
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
from msgspec import Struct

from mldash.answers.column_values import ENCODING_KEY
from mldash.answers.names import POINT_COLUMNS, WHOLE_EVENTS, escaped, shown_entry_field
from mldash.answers.nan_statistics import may_hold_nan, paths_with_statistics
from mldash.events.column_types import FACTS, FLOATS
from mldash.events.encoding import exact_to_json
from mldash_api.seam.rows import Rows
from mldash_api.times import END_S, FIRST_S
from mldash_compactor.chunks.parquet.columns import ARROW, to_arrow
from mldash_compactor.chunks.parquet.mixed_types import Field, FieldType, parquet_type
from mldash_ingest.documents.columns import ABSENT, Column, pack_sparse

_EVENTS: Final = "events"
_TYPES: Final = {name: ARROW[name] for name in (*FACTS, "string")}
_NONE: Final[tuple[FieldType, tuple[int, ...]]] = ("none", ())
_JSON: Final = {ENCODING_KEY: b"json"}
_WHOLE: Final = {ENCODING_KEY: b"events"}


class Own(Struct, frozen=True):
    """The columns before those of the fields. `all_asked`: a field that was asked for and is not there has a column."""

    fields: tuple[pa.Field, ...]
    all_asked: bool
    is_of_entries: bool = False

    def name_of(self, field: str, *, beside_whole_events: bool) -> str:
        """The name of a field's column."""
        if self.is_of_entries:
            field = shown_entry_field(field)
            return escaped(field, (WHOLE_EVENTS,)) if beside_whole_events else field
        return escaped(field, (*POINT_COLUMNS, WHOLE_EVENTS) if beside_whole_events else POINT_COLUMNS)

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.fields]


POINT_OWN: Final = Own(
    (pa.field("index", pa.int64(), False), pa.field("createdAt", pa.timestamp("us", "UTC"), False)), True
)
ENTRY_OWN: Final = Own((pa.field("timestamp", pa.float64(), False),), False, True)


class TableColumn(Struct, frozen=True):
    """One field of a table: its column's name and type; `json`: its values are JSON text; `whole`: of all fields."""

    field: str
    name: str
    type: pa.DataType
    json: bool = False
    whole: bool = False

    def arrow(self) -> pa.Field:
        said = None if not self.json else _WHOLE if self.whole else _JSON
        return pa.field(self.name, self.type, metadata=said)


class Schema(Struct, frozen=True):
    """The columns of a table over a range."""

    columns: list[TableColumn]
    own: Own

    def arrow(self) -> pa.Schema:
        return pa.schema([*self.own.fields, *(one.arrow() for one in self.columns)])

    def parquet_options(self) -> dict[str, Any]:
        """How a Parquet file of it is written."""
        floats = {one.name for one in self.columns if may_hold_nan(one.type)}
        return {"compression": "zstd", "write_statistics": paths_with_statistics(self.arrow(), floats)}


class SchemaOf:
    """Gathers how the fields of a range are stored, chunk after bucket."""

    def __init__(self, fields: Sequence[str] | None, own: Own = POINT_OWN) -> None:
        self._own, self._wanted = own, None if fields is None else set(fields)
        self._kinds: dict[str, set[tuple[FieldType, tuple[int, ...]]]] = {
            name: set() for name in (fields or () if own.all_asked else ())
        }
        self._large = set[str]()
        self._has_whole_events = False

    def add(self, fields: Iterable[Field], large: Iterable[str]) -> None:
        """`large`: names of fields with integers that float64 can't hold."""
        self._large.update(large)
        for field in fields:
            if field.type == _EVENTS:
                self._has_whole_events = True
            elif self._wanted is None or field.name in self._wanted:
                kinds = self._kinds.setdefault(field.name, set())
                kinds.add((field.type, tuple(field.shape)))
                if field.nulls != "absent":
                    kinds.add(_NONE)

    def schema(self) -> Schema:
        columns = [self._column(name, kinds) for name, kinds in self._kinds.items()]
        if self._has_whole_events:
            columns.append(TableColumn("", WHOLE_EVENTS, pa.large_string(), json=True, whole=True))
        return Schema(columns, self._own)

    def kinds(self) -> dict[str, set[str]]:
        """Field → as what its values are stored, all over the range."""
        return {name: {kind if not shape else "list" for kind, shape in kinds} for name, kinds in self._kinds.items()}

    def _column(self, name: str, kinds: set[tuple[FieldType, tuple[int, ...]]]) -> TableColumn:
        column = self._own.name_of(name, beside_whole_events=self._has_whole_events)
        kinds = kinds - {_NONE}
        if not kinds:
            return TableColumn(name, column, pa.null())
        types, shapes = {parquet_type(kind) for kind, _ in kinds}, {shape for _, shape in kinds}
        if types <= FLOATS | {"int64"} and len(types) > 1 and not (types - FLOATS and name in self._large):
            types = {"float64"}
        (shape, *other), (kind, *more) = shapes, types
        if other or more or kind not in _TYPES:
            return TableColumn(name, column, pa.large_string(), json=True)
        found = _TYPES[kind]
        for _ in shape:
            found = pa.large_list(found)
        return TableColumn(name, column, found)


def is_of_whole_events(rows: Rows) -> bool:
    """Whether the rows' part holds events as maps, for they have very many fields."""
    columns = rows.part.columns
    return bool(columns) and columns[0].type == _EVENTS


def batch_of(rows: Rows, schema: Schema) -> pa.RecordBatch:
    """Points as the schema has them."""
    seconds = np.frombuffer(rows.times(), np.float64)
    fraction, whole = np.modf(np.clip(seconds, FIRST_S, END_S))
    moments = whole.astype(np.int64) * 1_000_000 + np.rint(fraction * 1e6).astype(np.int64)
    index = np.arange(rows.first_index, rows.first_index + rows.count, dtype=np.int64)
    own = [pa.array(index), pa.array(moments).view(pa.timestamp("us", "UTC"))]
    return _batch(own, rows.part.columns, rows, schema)


def entry_batch_of(rows: Rows, schema: Schema) -> pa.RecordBatch:
    """Entries, one a time, as the schema has them."""
    times = np.frombuffer(rows.times(), np.float64) + 0.0
    columns = rows.part.columns
    if is_of_whole_events(rows) and not any(one.whole for one in schema.columns):
        # So many fields only where these entries came together: each stands in its column nevertheless.
        events = columns[0].packed()
        columns = [pack_sparse(one.field, [event.get(one.field, ABSENT) for event in events]) for one in schema.columns]
    return _batch([pa.array(times)], columns, rows, schema)


def _batch(own: list[pa.Array], columns: Sequence[Column], rows: Rows, schema: Schema) -> pa.RecordBatch:
    found = {(column.name, column.type == _EVENTS): column for column in columns}
    arrays = own + [_array(one, found.get((one.field, one.whole)), rows) for one in schema.columns]
    return pa.RecordBatch.from_arrays(arrays, schema=schema.arrow())


def _array(wanted: TableColumn, column: Column | None, rows: Rows) -> pa.Array:
    if column is None:
        return pa.nulls(rows.count, wanted.type)
    if wanted.json:
        values = column.values(rows.part.row_count)[rows.start : rows.stop]
        return pa.array([None if one is ABSENT or one is None else _text(one) for one in values], wanted.type)
    if column.type == "values":
        values = column.values(rows.part.row_count)[rows.start : rows.stop]
        return pa.array([None if one is ABSENT else one for one in values], wanted.type)
    array = to_arrow(column, rows.part.row_count).array
    return array.slice(rows.start, rows.count).cast(wanted.type)


def _text(value: Any) -> str:
    return msgspec.json.encode(exact_to_json(value)).decode()
