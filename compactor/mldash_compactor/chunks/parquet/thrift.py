"""Thrift's compact protocol, as far as Parquet's footers and page indexes use it: bytes ↔ plain values, nothing lost.

    struct   {field id: Value}, in the order of ids
    list     List(element type, [value, …])
    others   int, float or bytes as the wire has them; a bool is its type (TRUE or FALSE) and has no value

This code ignores what fields mean: fields that the caller leaves alone are written as they were read, byte for byte. So
a footer of a later pyarrow, with fields unknown to this code, survives.
"""

import struct
from typing import Any, Final, NamedTuple

from mldash_compactor.chunks.errors import ChunkDamaged

TRUE: Final = 1
FALSE: Final = 2
BYTE: Final = 3
I16: Final = 4
I32: Final = 5
I64: Final = 6
DOUBLE: Final = 7
BINARY: Final = 8
LIST: Final = 9
_SET: Final = 10
STRUCT: Final = 12

_LONG_LIST: Final = 15
_MOST_DEPTH: Final = 64
"""Of structs and lists in one another; Parquet's own go six deep."""

_MOST_SHIFT: Final = 63
"""Where the last seven bits of a 64-bit number begin. A longer varint is no number of this protocol, and each further
byte would be carried through all that came before it."""

_INTEGERS: Final = frozenset({I16, I32, I64})


class Value(NamedTuple):
    """One field of a struct."""

    type: int
    value: Any


class List(NamedTuple):
    """A list or set."""

    element: int
    items: list[Any]


Fields = dict[int, Value]


def decode(data: bytes, start: int = 0) -> tuple[Fields, int]:
    """The struct that begins at `start`, and where it ends. Raises ChunkDamaged where it is none."""
    reading = _Reading(data, start)
    try:
        return reading.struct(), reading.at
    except (IndexError, struct.error) as error:
        raise ChunkDamaged("", "a Thrift struct in its footer ends in the middle") from error


def encode(fields: Fields) -> bytes:
    """The struct's bytes."""
    out = bytearray()
    _write_struct(out, fields)
    return bytes(out)


class _Reading:
    def __init__(self, data: bytes, start: int) -> None:
        self._data, self.at = data, start
        self._depth = 0

    def struct(self) -> Fields:
        self._deeper()
        fields: Fields = {}
        number = 0
        while (head := self._byte()) != 0:
            kind = head & 0x0F
            number = number + (head >> 4) if head >> 4 else _unzigzag(self._varint())
            fields[number] = Value(kind, None if kind in (TRUE, FALSE) else self._value(kind))
        self._depth -= 1
        return fields

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MOST_DEPTH:
            raise ChunkDamaged("", f"its footer has Thrift values more than {_MOST_DEPTH} deep")

    def _value(self, kind: int) -> Any:
        if kind in _INTEGERS:
            return _unzigzag(self._varint())
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind == STRUCT:
            return self.struct()
        if kind in (LIST, _SET):
            return self._list()
        if kind == DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if kind in (TRUE, FALSE, BYTE):
            return self._byte()
        raise ChunkDamaged("", f"its footer has a Thrift field of type {kind}, which Parquet does not use")

    def _list(self) -> List:
        head = self._byte()
        count, element = head >> 4, head & 0x0F
        if count == _LONG_LIST:
            count = self._varint()
        left = len(self._data) - self.at
        if count > left:  # each element takes a byte at least
            raise ChunkDamaged("", f"its footer has a list of {count} elements in {left} bytes")
        self._deeper()
        found = List(element, [self._value(element) for _ in range(count)])
        self._depth -= 1
        return found

    def _byte(self) -> int:
        self.at += 1
        return self._data[self.at - 1]

    def _bytes(self, count: int) -> bytes:
        found = self._data[self.at : self.at + count]
        if len(found) < count:
            raise IndexError
        self.at += count
        return found

    def _varint(self) -> int:
        data, at = self._data, self.at
        byte = data[at]
        number, shift = byte & 0x7F, 7
        while byte & 0x80:
            if shift > _MOST_SHIFT:
                raise ChunkDamaged("", "its footer has a Thrift number of more than 64 bits")
            at += 1
            byte = data[at]
            number |= (byte & 0x7F) << shift
            shift += 7
        self.at = at + 1
        return number


def _write_struct(out: bytearray, fields: Fields) -> None:
    before = 0
    for number in sorted(fields):
        kind, value = fields[number]
        if 0 < number - before < 16:
            out.append((number - before) << 4 | kind)
        else:
            out.append(kind)
            _write_varint(out, _zigzag(number))
        before = number
        if kind not in (TRUE, FALSE):
            _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in _INTEGERS:
        _write_varint(out, _zigzag(value))
    elif kind == BINARY:
        _write_varint(out, len(value))
        out += value
    elif kind == STRUCT:
        _write_struct(out, value)
    elif kind in (LIST, _SET):
        _write_list(out, value)
    elif kind == DOUBLE:
        out += struct.pack("<d", value)
    else:
        out.append(value)


def _write_list(out: bytearray, value: List) -> None:
    count = len(value.items)
    if count < _LONG_LIST:
        out.append(count << 4 | value.element)
    else:
        out.append(_LONG_LIST << 4 | value.element)
        _write_varint(out, count)
    for item in value.items:
        _write_value(out, value.element, item)


def _write_varint(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


def _zigzag(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _unzigzag(number: int) -> int:
    return number >> 1 ^ -(number & 1)
