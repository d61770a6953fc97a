"""Rows: events of the same few numbers, packed. A layout says once what stands where in them.

    LAYOUT frame   [number, stream number, types, [field names]]
    ROW frame      number    u32, little endian
                   zero      u32: so that all that follows lies eight bytes apart
                   time      f64: of logging
                   values    8 bytes each, in the order of the names

and by type

    d   float64
    q   int64
    ?   bool: one byte 0 or 1, then seven zeros

Rows of one layout have one size and nothing but numbers in them, so a run of them becomes columns by strided copies
(runs.py). They carry no names and no types, so packing one is half the cost of encoding the dict (docs/decisions).
"""

from collections.abc import Sequence
from struct import Struct as Packer
from typing import Any, NamedTuple

import msgspec

from mldash.events.column_types import FACTS, OF_PYTHON, ColumnType

from .frame import HEADER_BYTES

MOST_FIELDS = 64
"""The most fields of a layout: wider rows gain nothing by packing."""

MOST_LAYOUTS = 1000
"""Of one journal: each is declared in each segment that has rows of it."""

TYPE_CODES: dict[type, str] = {kind: FACTS[name].code for kind, name in OF_PYTHON.items()}
COLUMN_TYPES: dict[str, ColumnType] = {FACTS[name].code: name for name in OF_PYTHON.values()}

_PACKED = {"d": "d", "q": "q", "?": "?7x"}
_HEAD = Packer("<I4xd")
TIME_PLACE = HEADER_BYTES + 8
FIRST_VALUE_PLACE = HEADER_BYTES + _HEAD.size


class Layout(NamedTuple):
    """Of the rows with this number: which stream they are of, and what is in them."""

    number: int
    stream: int
    types: str
    fields: tuple[str, ...]
    packer: Packer

    @property
    def row_bytes(self) -> int:
        return self.packer.size

    def unpack(self, payload: memoryview) -> tuple[float, dict[str, Any]]:
        """Time and fields of one row."""
        _, time, *values = self.packer.unpack(payload)
        return time, dict(zip(self.fields, values, strict=True))


def make_layout(number: int, stream: int, types: str, fields: Sequence[str]) -> Layout:
    return Layout(number, stream, types, tuple(fields), Packer("<I4xd" + "".join(_PACKED[code] for code in types)))


def encode_layout(layout: Layout) -> bytes:
    """The payload of a LAYOUT frame."""
    return msgspec.msgpack.encode((layout.number, layout.stream, layout.types, layout.fields))


def decode_layout(payload: memoryview) -> Layout:
    return make_layout(*_decode(payload))


def layout_number(data: bytes | memoryview, place: int) -> int:
    """That of the row that begins at `place`."""
    return int.from_bytes(data[place : place + 4], "little")


_decode = msgspec.msgpack.Decoder(tuple[int, int, str, tuple[str, ...]]).decode
