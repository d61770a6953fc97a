"""Values of many events, packed a column a field: no value of a user's is ever BSON.

A column of `count` events holds the values of those in which the field is present:

  type      float64 | float32 | int64 | bool: little-endian numbers of 8, 4, 8 or 1 bytes, in order
            values: one MessagePack array (anything: mixed types, strings, None, lists, dicts, bytes)
            events: one MessagePack array of whole events as maps, for params and for events with very many fields;
                    it has no name of its own, and its keys are the fields
  shape     of one value, where it is a list of numbers of fixed length: (3,) for positions
  present   one bit an event, least significant first; None: present in all

Types survive exactly: 1, 1.0 and True are of three types, and a field that mixes them is `values`.
"""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from mldash.events.column_types import ColumnType, common_type, pack_numbers, shaped, unpack_numbers, value_bytes

StoredType = Literal[ColumnType, "events"]

WIDE: Final = 2_000
"""Above so many fields in one bucket whole events are stored: a column's own cost would outgrow its data."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode


class Absent:
    """The value of a field that an event has not; None is a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = Absent()


class Column(Struct, frozen=True, gc=False):
    """The values of one field over the events of one bucket or chunk, as the module's head says."""

    name: str
    type: StoredType
    data: bytes
    present: bytes | None = None
    shape: tuple[int, ...] = ()

    def packed(self) -> Sequence[Any]:
        """The values that are present, in order; numbers of fixed-length lists as lists."""
        if self.type in ("values", "events"):
            return _decode(self.data)
        flat = unpack_numbers(self.type, self.data)
        return shaped(flat, self.shape) if self.shape else flat

    def values(self, count: int) -> list[Any]:
        """One value an event, ABSENT where the field is not there."""
        packed = self.packed()
        if self.present is None:
            return list(packed)
        bits = int.from_bytes(self.present, "little")
        values = iter(packed)
        return [next(values) if bits >> row & 1 else ABSENT for row in range(count)]

    @property
    def stored_bytes(self) -> int:
        """About what the column takes in a document."""
        return len(self.data) + len(self.present or b"") + len(self.name) * 2 + 80


def pack(name: str, values: Sequence[Any]) -> Column:
    """A column in which every value is present."""
    kind = common_type(values)
    if kind is None:
        return Column(name, "values", _encode(list(values)))
    return Column(name, kind, pack_numbers(kind, values))


def pack_sparse(name: str, values: Sequence[Any]) -> Column:
    """A column in which values may be ABSENT."""
    bits, found = 0, []
    for row, value in enumerate(values):
        if value is not ABSENT:
            bits |= 1 << row
            found.append(value)
    column = pack(name, found)
    if len(found) == len(values):
        return column
    return msgspec.structs.replace(column, present=bits.to_bytes(-(-len(values) // 8), "little"))


def pack_events(events: Sequence[Mapping[str, Any]]) -> Column:
    """One column that holds whole events."""
    return Column("", "events", _encode(list(events)))


def columns_of_events(events: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Events as maps → a column a field, in the order in which the fields first appear."""
    names: dict[str, None] = {}
    for event in events:
        names.update(dict.fromkeys(event))
        if len(names) > WIDE:
            return [pack_events(events)]
    return [pack_sparse(name, [event.get(name, ABSENT) for event in events]) for name in names]


def events_of_columns(columns: Sequence[Column], count: int) -> list[dict[str, Any]]:
    """The events of a bucket or chunk as maps, each with its own fields only. Fields stand in the columns' order."""
    if len(columns) == 1 and columns[0].type == "events":
        return list(columns[0].packed())
    if not columns:
        return [{} for _ in range(count)]
    names = [column.name for column in columns]
    rows: Iterator[tuple[Any, ...]] = zip(*(column.values(count) for column in columns), strict=True)
    if all(column.present is None for column in columns):
        return [dict(zip(names, row, strict=True)) for row in rows]
    return [{name: value for name, value in zip(names, row, strict=True) if value is not ABSENT} for row in rows]


def select(columns: Sequence[Column], fields: Sequence[str] | None) -> list[Column]:
    """The columns of these fields only (None: all); whole events are taken as they are and cut by the reader."""
    if fields is None:
        return list(columns)
    wanted = set(fields)
    return [column for column in columns if column.type == "events" or column.name in wanted]


def value_width(column: Column) -> int:
    """Bytes of one value of a packed column; not for `values` and `events`."""
    return value_bytes(column.type, column.shape)


def pack_times(times: Sequence[float]) -> bytes:
    """Seconds since the epoch as float64, little endian."""
    return array("d", times).tobytes()


def unpack_times(data: bytes) -> "array[float]":
    """The reverse of pack_times."""
    times = array("d")
    times.frombytes(data)
    return times
