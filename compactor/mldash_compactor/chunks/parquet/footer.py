"""Parquet's footers by hand: that of a file made of whole files, one behind the other.

A reader starts at a Parquet file's last bytes, which say where each column of each row group lies, and ignores what
lies between. So whole files can stand end to end in a larger one, and a last footer that describes all of them makes it
one file. Their bytes stay as they were, checksums too; only offsets are counted anew:

    column chunks, column indexes   where they stand; their offsets are shifted
    offset indexes                  hold offsets of their own, so each is written anew
    a column that a file lacks      is added to its row groups: a page of nulls that takes some 80 bytes

One schema holds for all, so two files fit together where each column that both have is the same in both.
(parquet-format's parquet.thrift has the numbers of the fields.)
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from mldash_compactor.chunks.errors import ChunkDamaged, FilesDiffer

from . import thrift
from .thrift import BINARY, I16, I32, I64, LIST, STRUCT, Fields, List, Value

MAGIC: Final = b"PAR1"

_TAIL: Final = 8
# FileMetaData
_SCHEMA, _ROWS, _ROW_GROUPS, _KEY_VALUES, _COLUMN_ORDERS = 2, 3, 4, 5, 7
# SchemaElement
_NAME, _CHILDREN = 4, 5
# RowGroup
_COLUMNS, _GROUP_UNCOMPRESSED, _GROUP_ROWS, _GROUP_OFFSET, _GROUP_COMPRESSED, _ORDINAL = 1, 2, 3, 5, 6, 7
# ColumnChunk
_CHUNK_OFFSET, _META, _OFFSET_INDEX, _OFFSET_INDEX_LENGTH, _COLUMN_INDEX = 2, 3, 4, 5, 6
# ColumnMetaData: sizes; data, index and dictionary page, Bloom filter
_UNCOMPRESSED, _COMPRESSED = 6, 7
_PLACES: Final = (9, 10, 11, 14)
# OffsetIndex, PageLocation
_LOCATIONS, _LOCATION_OFFSET = 1, 1


class Footer(Struct, frozen=True):
    """One file's: its row groups, and of each column by name its part of the schema, the column itself first."""

    fields: Fields
    columns: dict[str, list[Fields]]

    @property
    def row_groups(self) -> list[Fields]:
        groups: list[Fields] = self.fields[_ROW_GROUPS].value.items
        return groups


def read_footer(data: bytes) -> Footer:
    """The footer of a whole file. Raises ChunkDamaged."""
    length = int.from_bytes(data[-_TAIL:-4], "little")
    if data[-4:] != MAGIC or length + _TAIL > len(data):
        raise ChunkDamaged("", "it does not end as a Parquet file does")
    fields, _ = thrift.decode(data, len(data) - _TAIL - length)
    try:
        return Footer(fields, _columns(fields[_SCHEMA].value.items))
    except (KeyError, IndexError, AttributeError, TypeError, UnicodeDecodeError) as error:
        raise ChunkDamaged("", f"its schema can't be read: {type(error).__name__}: {error}") from error


def _columns(schema: Sequence[Fields]) -> dict[str, list[Fields]]:
    """The schema is a tree, written from the root down; here its first branches, each with all that it holds."""
    columns: dict[str, list[Fields]] = {}
    at = 1
    while at < len(schema):
        end = _end_of(schema, at)
        columns[schema[at][_NAME].value.decode()] = list(schema[at:end])
        at = end
    return columns


def _end_of(schema: Sequence[Fields], at: int) -> int:
    """Behind the branch that begins there. Raises IndexError where it says that it is longer than the schema."""
    left, end = 1, at
    while left > 0:
        children = schema[end][_CHILDREN].value if _CHILDREN in schema[end] else 0
        left, end = left - 1 + children, end + 1
    return end


def _leaves(column: Sequence[Fields]) -> int:
    return sum(_CHILDREN not in element for element in column)


def columns_of(footers: Sequence[Footer]) -> dict[str, list[Fields]]:
    """The columns of all, in the order of their first appearance. Raises FilesDiffer where one varies."""
    columns: dict[str, list[Fields]] = {}
    for footer in footers:
        columns |= {name: column for name, column in footer.columns.items() if name not in columns}
    differ = {name for footer in footers for name, column in footer.columns.items() if column != columns[name]}
    if differ:
        raise FilesDiffer(sorted(differ))
    return columns


class Part(NamedTuple):
    """One file, and where it begins in the larger one."""

    offset: int
    data: bytes
    footer: Footer


class Joining:
    """Files end to end, and the footer behind them: `add` each in order, then `finish`."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes] = []
        self._parts: list[Part] = []
        self._nulls: dict[tuple[tuple[str, ...], int], Part] = {}

    def append(self, data: bytes) -> int:
        """Bytes that footers ignore; where they begin."""
        start = self.size
        self._pieces.append(data)
        self.size += len(data)
        return start

    def add(self, data: bytes) -> int:
        """A whole file; where it begins. Raises ChunkDamaged."""
        footer = read_footer(data)
        self._parts.append(Part(self.append(data), data, footer))
        return self._parts[-1].offset

    def finish(self, key_values: Mapping[str, str]) -> bytes:
        """All bytes. Raises FilesDiffer."""
        columns = columns_of([part.footer for part in self._parts])
        groups = [self._row_group(part, group, columns) for part in self._parts for group in part.footer.row_groups]
        for ordinal, group in enumerate(groups):
            group[_ORDINAL] = Value(I16, ordinal)
        last = thrift.encode(self._footer(columns, groups, key_values))
        self.append(last + len(last).to_bytes(4, "little") + MAGIC)
        return b"".join(self._pieces)

    def _footer(
        self, columns: Mapping[str, list[Fields]], groups: list[Fields], key_values: Mapping[str, str]
    ) -> Fields:
        first = self._parts[0].footer.fields
        root = {**first[_SCHEMA].value.items[0], _CHILDREN: Value(I32, len(columns))}
        elements = [root, *(element for column in columns.values() for element in column)]
        pairs = [{1: Value(BINARY, k.encode()), 2: Value(BINARY, v.encode())} for k, v in key_values.items()]
        fields = {
            **first,
            _SCHEMA: _structs(elements),
            _ROWS: Value(I64, sum(group[_GROUP_ROWS].value for group in groups)),
            _ROW_GROUPS: _structs(groups),
            _KEY_VALUES: _structs(pairs),
        }
        if _COLUMN_ORDERS in first:  # each the same: by the type's own order
            orders = first[_COLUMN_ORDERS].value.items[:1] * sum(_leaves(column) for column in columns.values())
            fields[_COLUMN_ORDERS] = _structs(orders)
        return fields

    def _row_group(self, part: Part, group: Fields, columns: Mapping[str, list[Fields]]) -> Fields:
        own = self._own_columns(part, group)
        missing = tuple(name for name in columns if name not in own)
        if missing:
            nulls = self._all_null(missing, group[_GROUP_ROWS].value, columns)
            own |= self._own_columns(nulls, nulls.footer.row_groups[0])
        chunks = [chunk for name in columns for chunk in own[name]]
        sizes = [(chunk[_META].value[_UNCOMPRESSED].value, chunk[_META].value[_COMPRESSED].value) for chunk in chunks]
        return {
            **group,
            _COLUMNS: _structs(chunks),
            _GROUP_OFFSET: Value(I64, group[_GROUP_OFFSET].value + part.offset),
            _GROUP_UNCOMPRESSED: Value(I64, sum(plain for plain, _ in sizes)),
            _GROUP_COMPRESSED: Value(I64, sum(packed for _, packed in sizes)),
        }

    def _own_columns(self, part: Part, group: Fields) -> dict[str, list[Fields]]:
        leaves = iter(group[_COLUMNS].value.items)
        return {
            name: [self._shifted(next(leaves), part) for _ in range(_leaves(column))]
            for name, column in part.footer.columns.items()
        }

    def _shifted(self, chunk: Fields, part: Part) -> Fields:
        """A column chunk as it is found in the larger file; its offset index is written anew."""
        meta = {
            number: Value(value.type, value.value + part.offset) if number in _PLACES else value
            for number, value in chunk[_META].value.items()
        }
        shifted = {**chunk, _META: Value(STRUCT, meta)}
        for number in (_CHUNK_OFFSET, _COLUMN_INDEX):
            if number in chunk and chunk[number].value:  # 0: not said
                shifted[number] = Value(I64, chunk[number].value + part.offset)
        if _OFFSET_INDEX in chunk:
            index = self._offset_index(part, chunk[_OFFSET_INDEX].value)
            shifted[_OFFSET_INDEX] = Value(I64, self.append(index))
            shifted[_OFFSET_INDEX_LENGTH] = Value(I32, len(index))
        return shifted

    def _offset_index(self, part: Part, start: int) -> bytes:
        index, _ = thrift.decode(part.data, start)
        for location in index[_LOCATIONS].value.items:
            location[_LOCATION_OFFSET] = Value(I64, location[_LOCATION_OFFSET].value + part.offset)
        return thrift.encode(index)

    def _all_null(self, names: tuple[str, ...], rows: int, columns: Mapping[str, list[Fields]]) -> Part:
        """A small file in which these columns are null in so many rows; those that lack the same share one."""
        found = self._nulls.get((names, rows))
        if found is None:
            kinds = {name: self._type_of(name) for name in names}
            table = pa.table({name: pa.nulls(rows, kind) for name, kind in kinds.items()})
            out = pa.BufferOutputStream()
            pq.write_table(table, out, compression="zstd", use_dictionary=False, store_schema=False)
            data = out.getvalue().to_pybytes()
            footer = read_footer(data)
            differ = [name for name in names if footer.columns[name] != columns[name]]
            if differ:
                raise FilesDiffer(differ)
            found = self._nulls[names, rows] = Part(self.append(data), data, footer)
        return found

    def _type_of(self, name: str) -> pa.DataType:
        part = next(part for part in self._parts if name in part.footer.columns)
        return pq.read_schema(pa.BufferReader(part.data)).field(name).type


def _structs(items: Sequence[Fields]) -> Value:
    return Value(LIST, List(STRUCT, list(items)))
