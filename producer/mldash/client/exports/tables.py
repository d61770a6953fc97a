"""Rows as Arrow batches of one schema, by the API's rules (mldash_api/exports/tables.py).

A field has the type that all of its values have: float64, int64, bool, string, or lists of fixed length of numbers;
int64 beside floats is float64 where every int is exact in one. What is mixed otherwise, and dicts, bytes and lists of
changing length, are string: the JSON text of each value, as mldash/answers/column_values.py writes it, with
{"mldash.encoding": "json"} in the column's metadata. Absent and None are null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Final, Literal

import msgspec
import pyarrow
import pyarrow.parquet
from msgspec import Struct

from mldash.answers.column_values import ENCODING_KEY
from mldash.answers.nan_statistics import may_hold_nan, paths_with_statistics
from mldash.answers.written.sink import Sink
from mldash.events.column_types import EXACT_INT, OF_PYTHON, are_int64
from mldash.events.encoding import exact_to_json

from .layouts import Layout, OwnType

Row = Mapping[str, Any]
_Kind = tuple[str, tuple[int, ...]]

_DEPTH: Final = 4
_GROUP_ROWS: Final = 50_000
"""Of a row group, about."""
_JSON: Final[_Kind] = ("json", ())
_EXACT: Final = {"float64", "int64"}
_TYPES: Final[dict[str, Any]] = {
    "float64": pyarrow.float64(),
    "int64": pyarrow.int64(),
    "bool": pyarrow.bool_(),
    "string": pyarrow.large_string(),
}
_OWN: Final[dict[OwnType, Any]] = {
    "index": pyarrow.int64(),
    "moment": pyarrow.timestamp("us", "UTC"),
    "seconds": pyarrow.float64(),
    "text": pyarrow.large_string(),
}


class _Column(Struct, frozen=True):
    name: str
    type: Any
    is_json: bool

    def arrow(self) -> Any:
        return pyarrow.field(self.name, self.type, metadata={ENCODING_KEY: b"json"} if self.is_json else None)


class Kinds:
    """Gathers of which types the values of each field are, over all rows; then makes batches of them."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._kinds: dict[str, set[_Kind]] = {name: set() for name in (*layout.asked, *layout.texts)}
        self._large = set[str]()

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            for name, value in self._layout.fields_of(row).items():
                kinds = self._kinds.setdefault(name, set())
                if value is not None:
                    kinds.add(_kind_of(value))
                    if type(value) in (int, list) and _has_large(value):
                        self._large.add(name)

    def table(self) -> Table:
        columns = {name: self._column(name, kinds) for name, kinds in self._kinds.items()}
        return Table(self._layout, columns)

    def _column(self, field: str, kinds: set[_Kind]) -> _Column:
        name = self._layout.column_of(field)
        if field in self._layout.texts:
            return _Column(name, pyarrow.large_string(), True)
        if not kinds:
            return _Column(name, pyarrow.null(), False)
        types, shapes = {kind for kind, _ in kinds}, {shape for _, shape in kinds}
        if types == _EXACT and field not in self._large:
            types = {"float64"}
        if len(types) > 1 or len(shapes) > 1 or _JSON in kinds:
            return _Column(name, pyarrow.large_string(), True)
        found = _TYPES[next(iter(types))]
        for _ in next(iter(shapes)):
            found = pyarrow.large_list(found)
        return _Column(name, found, False)


class Table:
    """The columns of a file, before its first row."""

    def __init__(self, layout: Layout, columns: Mapping[str, _Column]) -> None:
        self._layout, self._columns = layout, columns
        own = [pyarrow.field(name, _OWN[kind], nullable=False) for name, kind in layout.own]
        self.schema: Any = pyarrow.schema([*own, *(one.arrow() for one in columns.values())])

    def batch(self, rows: Sequence[Row]) -> Any:
        arrays = [_own_array([row[name] for row in rows], kind) for name, kind in self._layout.own]
        fields = [self._layout.fields_of(row) for row in rows]
        for name, column in self._columns.items():
            values = [one.get(name) for one in fields]
            if column.is_json:
                values = [None if value is None else _json_text(value) for value in values]
            arrays.append(pyarrow.array(values, column.type, from_pandas=False))
        return pyarrow.RecordBatch.from_arrays(arrays, schema=self.schema)


class TableFile:
    """A file that is written batch after batch; a row group of Parquet is of many batches, as readers like them."""

    def __init__(self, table: Table, format: Literal["arrow", "parquet"]) -> None:
        self._table, self._sink = table, Sink()
        self._held, self._held_rows = list[Any](), 0
        if format == "arrow":
            self._together, self._writer = 1, pyarrow.ipc.new_stream(self._sink, table.schema)
            return
        floats = {field.name for field in table.schema if may_hold_nan(field.type)}
        options: dict[str, Any] = {"write_statistics": paths_with_statistics(table.schema, floats)}
        self._together = _GROUP_ROWS
        self._writer = pyarrow.parquet.ParquetWriter(self._sink, table.schema, compression="zstd", **options)

    def add(self, rows: Sequence[Row]) -> bytes:
        """The bytes to send; rows come behind those before."""
        self._held.append(self._table.batch(rows))
        self._held_rows += len(rows)
        if self._held_rows >= self._together:
            self._write()
        return self._sink.take()

    def finish(self) -> bytes:
        """The rest."""
        if self._held:
            self._write()
        self._writer.close()
        return self._sink.take()

    def _write(self) -> None:
        found = pyarrow.Table.from_batches(self._held, self._table.schema)
        self._writer.write_table(found, _GROUP_ROWS)
        self._held, self._held_rows = [], 0


def _kind_of(value: Any) -> _Kind:
    """The type of one value that is not None, and the shape of a list of numbers."""
    shape: tuple[int, ...] = ()
    level: Sequence[Any] = (value,)
    while set(map(type, level)) == {list} and len(shape) < _DEPTH:
        lengths = set(map(len, level))
        if len(lengths) != 1 or lengths == {0}:
            return _JSON
        shape += tuple(lengths)
        level = list(chain.from_iterable(level))
    kinds = set(map(type, level))
    if kinds == {str} and not shape:
        return "string", ()
    if kinds == {int, float}:
        return _JSON if _has_large(list(level)) else ("float64", shape)
    found = OF_PYTHON.get(kinds.pop()) if len(kinds) == 1 else None
    if found is None or (found == "int64" and not are_int64(level)):
        return _JSON
    return found, shape


def _has_large(value: Any) -> bool:
    """Whether float64 can't hold an integer of it exactly."""
    if type(value) is list:
        return any(_has_large(item) for item in value if type(item) in (int, list))
    return type(value) is int and abs(value) > EXACT_INT


def _own_array(values: Sequence[Any], kind: OwnType) -> Any:
    if kind == "moment":
        return pyarrow.array(values, pyarrow.string()).cast(_OWN[kind])
    return pyarrow.array(values, _OWN[kind])


def _json_text(value: Any) -> str:
    return msgspec.json.encode(exact_to_json(value)).decode()
