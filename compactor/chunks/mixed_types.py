"""Values of one field → a typed Parquet column where all are of one type, else MessagePack. Each survives exactly.

A chunk's field is stored as

    float64 float32 int64 bool string   the Parquet type; with a shape, (3,) or (4, 4): lists of lists of fixed length
    values    binary: each value as MessagePack. So is a field whose type changes within the chunk (1, 1.0, True and "1"
              are four values), one with dicts, bytes, lists of changing length, or integers beyond 64 bits
    events    binary: each event as one MessagePack map; the only column of a chunk with more than 2,000 fields

A null is an absent field, unless `nulls` says "none": then it is the value None, and the field is absent nowhere. A
field that has both is `values`, where None is the byte c0. The key `mldash.fields` in an object's metadata says which
is which, as JSON: [{name, column, type, shape, nulls}, …].
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

FieldType = Literal["float64", "float32", "int64", "bool", "string", "values", "events"]
Nulls = Literal["absent", "none"]

_NUMBERS: Final[dict[type, FieldType]] = {float: "float64", int: "int64", bool: "bool"}
_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1
_DEPTH: Final = 4
encode_value = msgspec.msgpack.Encoder().encode


class Field(Struct, frozen=True, array_like=True):
    """How one field of a chunk is stored."""

    name: str
    type: FieldType
    shape: tuple[int, ...] = ()
    nulls: Nulls = "absent"


class Typed(NamedTuple):
    """What a list of values has in common, and the values without None; of lists their numbers, end to end."""

    type: FieldType
    shape: tuple[int, ...]
    nulls: Nulls
    values: Sequence[Any]


def classify(values: Sequence[Any], *, sparse: bool) -> Typed:
    """The narrowest type that holds all of them exactly. `sparse`: the field is absent somewhere: null means that."""
    kinds = set(map(type, values))
    nulls: Nulls = "absent"
    found = values
    if type(None) in kinds and not sparse:
        kinds.discard(type(None))
        found, nulls = [value for value in values if value is not None], "none"
    if len(kinds) == 1:
        kind = kinds.pop()
        if kind is str:
            return Typed("string", (), nulls, found)
        if kind in _NUMBERS and _fits(kind, found):
            return Typed(_NUMBERS[kind], (), nulls, found)
        if kind is list and (lists := _fixed_lists(found)) is not None:
            return Typed(lists.type, lists.shape, nulls, lists.values)
    return Typed("values", (), "absent", values)


def _fits(kind: type, values: Sequence[Any]) -> bool:
    return kind is not int or (min(values) >= _MIN_INT64 and max(values) <= _MAX_INT64)


def _fixed_lists(lists: Sequence[list[Any]]) -> Typed | None:
    """Lists of numbers of one type, at each depth of one length; None for all others."""
    shape: tuple[int, ...] = ()
    level: Sequence[Any] = lists
    while len(shape) < _DEPTH:
        kinds = set(map(type, level))
        if len(kinds) != 1:
            return None
        kind = kinds.pop()
        if kind in _NUMBERS:
            return Typed(_NUMBERS[kind], shape, "absent", level) if _fits(kind, level) else None
        if kind is not list or len(lengths := set(map(len, level))) != 1 or lengths == {0}:
            return None
        shape += tuple(lengths)
        level = list(chain.from_iterable(level))
    return None


def pack_array(count: int, bodies: Iterable[bytes]) -> bytes:
    """One MessagePack array of values that are encoded already: `bodies`, one or many values each, end to end."""
    if count < 16:
        header = bytes([0x90 | count])
    elif count < 1 << 16:
        header = b"\xdc" + count.to_bytes(2, "big")
    else:
        header = b"\xdd" + count.to_bytes(4, "big")
    return b"".join([header, *bodies])


def unpack_array(data: bytes) -> tuple[int, bytes]:
    """The reverse: how many values, and their bytes end to end."""
    if data[0] & 0xF0 == 0x90:
        return data[0] & 0x0F, data[1:]
    size = 2 if data[0] == 0xDC else 4
    return int.from_bytes(data[1 : 1 + size], "big"), data[1 + size :]
