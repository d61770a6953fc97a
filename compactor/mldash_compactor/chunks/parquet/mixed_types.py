"""Values of one field → a typed Parquet column where one type holds all, else MessagePack. Each survives exactly.

A chunk's field is stored as

    float64 float32 int64 bool string   the Parquet type; with a shape, (3,) or (4, 4): lists of lists of fixed length
    numbers   float64, of integers and floats in one field, where each integer is at most 2**53 and so exact in it; also
              with a shape. Which of them are integers stand beside the column (marks.py)
    none      nothing but None so far: a column of Parquet's null type, which every reader puts beside any other
    values    binary: each value as MessagePack. So is a field with values of other different types (1, True and "1" are
              three), one with dicts, bytes, lists of changing length, or larger integers among floats or beyond 64 bits
    events    binary: each event as one MessagePack map; the only column of a chunk with more than 2,000 fields

A null is an absent field, unless `nulls` says "none": then it is the value None, and the field is absent nowhere; or
"marked": both are there, and the marks say which is which. The key `mldash.fields` in an object's metadata says how
each field is stored, as JSON: [{name, column, type, shape, nulls, inherited}, …]. A column that is `inherited` has
nulls only: the stream had the field before, the chunk has it nowhere (inherited.py).
"""

from collections.abc import Sequence
from itertools import chain
from math import prod
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from mldash.events.column_types import EXACT_INT, OF_PYTHON, are_int64
from mldash_ingest.documents.columns import StoredType

FieldType = Literal[StoredType, "string", "numbers", "none"]
Nulls = Literal["absent", "none", "marked"]

_DEPTH: Final = 4
encode_value = msgspec.msgpack.Encoder().encode


class Field(Struct, frozen=True, array_like=True):
    """How one field of a chunk is stored."""

    name: str
    type: FieldType
    shape: tuple[int, ...] = ()
    nulls: Nulls = "absent"
    inherited: bool = False
    """No event of the chunk has the field: its column is there for those who read many chunks as one table."""

    @property
    def width(self) -> int:
        """Numbers of one value."""
        return prod(self.shape)


class Typed(NamedTuple):
    """The common type of a list of values, and the values without None; of lists their numbers, end to end."""

    type: FieldType
    shape: tuple[int, ...]
    nulls: Nulls
    values: Sequence[Any]


def classify(values: Sequence[Any], *, sparse: bool) -> Typed:
    """The narrowest type that holds all of them exactly. `sparse`: the field is absent somewhere (not None)."""
    kinds = set(map(type, values))
    nulls: Nulls = "absent"
    found = values
    if type(None) in kinds:
        kinds.discard(type(None))
        found, nulls = [value for value in values if value is not None], "marked" if sparse else "none"
        if not kinds:
            return Typed("none", (), nulls, found)
    if kinds == {str}:
        return Typed("string", (), nulls, found)
    if kinds == {list}:
        if (lists := _fixed_lists(found)) is not None:
            return Typed(lists.type, lists.shape, nulls, lists.values)
    elif (kind := _number_type(kinds, found)) is not None:
        return Typed(kind, (), nulls, found)
    return Typed("values", (), "absent", values)


def _number_type(kinds: set[type], values: Sequence[Any]) -> FieldType | None:
    """Of numbers; None where no type of ours holds them, or they are none."""
    if kinds == {int, float}:
        exact = all(-EXACT_INT <= value <= EXACT_INT for value in values if type(value) is int)
        return "numbers" if exact else None
    if len(kinds) != 1:
        return None
    (kind,) = kinds
    return OF_PYTHON.get(kind) if kind is not int or are_int64(values) else None


def _fixed_lists(lists: Sequence[list[Any]]) -> Typed | None:
    """Lists of numbers, at each depth of one length; None for all others."""
    shape: tuple[int, ...] = ()
    level: Sequence[Any] = lists
    while len(shape) < _DEPTH:
        kinds = set(map(type, level))
        if kinds != {list}:
            kind = _number_type(kinds, level)
            return None if kind is None else Typed(kind, shape, "absent", level)
        if len(lengths := set(map(len, level))) != 1 or lengths == {0}:
            return None
        shape += tuple(lengths)
        level = list(chain.from_iterable(level))
    return None


def parquet_type(kind: FieldType) -> FieldType:
    """Of whose Parquet column the values are."""
    return "float64" if kind == "numbers" else kind
