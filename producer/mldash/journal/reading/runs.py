"""A run of frames of one size and one shape → columns, without a Python loop over the events.

Most of what a training loop logs is the same few numbers again and again, and its frames then differ in the bytes of
the numbers only. So the bytes at one place of all frames are a strided slice, and eight of them, written with the same
stride, are a column of little-endian numbers: 130 ns an event of four floats here, where decoding each frame costs 1 µs
(benchmarks/sdk.py, "publish"). Packed rows (layout.py) have them little-endian and eight bytes apart already, and cost
a third of that. What does not fit is decoded frame by frame (rounds.py).
"""

from collections.abc import Mapping
from functools import lru_cache
from struct import Struct as Packer
from typing import NamedTuple

from mldash.events.column_types import WIDTHS, ColumnType
from mldash.events.limits import RECORD_EVENTS, RECORD_TARGET_BYTES
from mldash.events.messagepack import (
    FALSE,
    FIXINT_END,
    FLOAT64,
    FLOAT_BYTES,
    TRUE,
    UNSIGNED,
    array_head,
    read_map_head,
    read_text,
    read_unsigned,
)
from mldash.events.schema import Column, Columns
from mldash.journal.frame import EVENT, HEADER, HEADER_BYTES, KIND_SHIFT, LENGTH_MASK, ROW
from mldash.journal.layout import COLUMN_TYPES, FIRST_VALUE_PLACE, TIME_PLACE, Layout, layout_number

_SHORTEST_RUN = 8
"""Below it frame by frame is as fast."""

_BOOLS = bytes((FALSE, TRUE))
_AS_BYTES = bytes.maketrans(_BOOLS, b"\x00\x01")
_LEAST_HEAD = array_head(2)[0]
_FLOAT = Packer(">d")
_CHECKSUM_PLACES = range(4, HEADER_BYTES)


class Field(NamedTuple):
    """One field of a frame: `place` is that of its first value byte, from the frame's beginning."""

    name: str
    type: ColumnType
    place: int
    width: int


class Shape(NamedTuple):
    """Where things stand in a frame. Bytes outside of `free` are the same in every frame of the run."""

    number: int
    time_place: int
    logged_place: int
    """Where the time of logging stands: the event's own time, or a track's second one."""
    fields: list[Field]
    free: frozenset[int]
    is_packed: bool
    """Numbers are little-endian and 8 bytes wide, and lie 8 bytes apart from the frame's beginning."""


class Run(NamedTuple):
    number: int
    logged_at: float
    columns: Columns
    end: int


def take_run(data: bytes, start: int, layouts: Mapping[int, Layout]) -> Run | None:
    """The run that begins with the frame at `start`, no longer than a record may be; None where there is none."""
    word = HEADER.unpack_from(data, start)[0]
    kind = word >> KIND_SHIFT
    if kind not in (EVENT, ROW):
        return None
    size = HEADER_BYTES + (word & LENGTH_MASK)
    most = min(RECORD_EVENTS, RECORD_TARGET_BYTES // size, (len(data) - start) // size)
    # The next frame but a few has the same size and the same stream, or nothing further is looked at.
    probe = start + size * (_SHORTEST_RUN - 1)
    if most < _SHORTEST_RUN or data[probe : probe + 4] != data[start : start + 4]:
        return None
    if data[probe + HEADER_BYTES : probe + HEADER_BYTES + 3] != data[start + HEADER_BYTES : start + HEADER_BYTES + 3]:
        return None
    if kind == ROW:
        shape = shape_of(layouts[layout_number(data, start + HEADER_BYTES)])
    elif (found := _find_shape(data[start : start + size])) is not None:
        shape = found
    else:
        return None
    count = _SHORTEST_RUN
    while (same := _same(data, start, size, count, shape)) == count and count < most:
        count = min(count * 8, most)
    if same < _SHORTEST_RUN:
        return None
    return _columns(data, start, size, same, shape)


@lru_cache(maxsize=1024)
def shape_of(layout: Layout) -> Shape:
    """The shape of the layout's rows."""
    fields = []
    for at, (name, code) in enumerate(zip(layout.fields, layout.types, strict=True)):
        type_ = COLUMN_TYPES[code]
        fields.append(Field(name, type_, FIRST_VALUE_PLACE + 8 * at, WIDTHS[type_]))
    free = {*_CHECKSUM_PLACES, *range(HEADER_BYTES + 4, HEADER_BYTES + layout.row_bytes)}
    return Shape(layout.stream, TIME_PLACE, TIME_PLACE, fields, frozenset(free), is_packed=True)


def _find_shape(frame: bytes) -> Shape | None:
    """The shape of an event's frame; None where it has other values than floats, unsigned integers and bools."""
    at = HEADER_BYTES
    times = frame[at] - _LEAST_HEAD  # [number, time, fields] or [number, time, logged, fields]
    number, at = read_unsigned(frame, at + 1)
    places = []
    for _ in range(times):
        if frame[at] != FLOAT64:
            return None
        places.append(at + 1)
        at += FLOAT_BYTES
    free = {place + byte for place in places for byte in range(8)} | set(_CHECKSUM_PLACES)
    if (head := read_map_head(frame, at)) is None:
        return None
    count, at = head
    fields = []
    for _ in range(count):
        name, at = read_text(frame, at)
        marker = frame[at]
        if marker == FLOAT64:
            field = Field(name, "float64", at + 1, 8)
        elif marker in UNSIGNED:
            field = Field(name, "int64", at + 1, UNSIGNED[marker])
        elif marker < FIXINT_END:
            field = Field(name, "int64", at, 1)
        elif marker in (FALSE, TRUE):
            field = Field(name, "bool", at, 1)
        else:
            return None
        fields.append(field)
        at = field.place + field.width
        free.update(range(field.place, at))
    if not fields or at != len(frame):
        return None
    return Shape(number, places[0], places[-1], fields, frozenset(free), is_packed=False)


def _same(data: bytes, start: int, size: int, count: int, shape: Shape) -> int:
    """How many of `count` frames, from the first on, have its shape."""
    for place in range(size):
        if place not in shape.free:
            count = _prefix(data[start + place : start + count * size : size], data[start + place : start + place + 1])
    for field in () if shape.is_packed else shape.fields:
        values = data[start + field.place : start + count * size : size]
        if field.type == "bool":
            count = _prefix(values, _BOOLS)
        elif field.width == 1 and data[start + field.place - 1] not in UNSIGNED and not values.isascii():
            count = next(at for at, value in enumerate(values) if value >= FIXINT_END)
    return count


def _prefix(values: bytes, allowed: bytes) -> int:
    """How many of the values, from the first on, are among the allowed."""
    return len(values) - len(values.lstrip(allowed))


def _columns(data: bytes, start: int, size: int, count: int, shape: Shape) -> Run:
    if shape.is_packed:
        return _packed_columns(memoryview(data)[start : start + count * size], size, shape, start)
    columns = []
    for field in shape.fields:
        if field.type == "bool":
            values = data[start + field.place : start + count * size : size].translate(_AS_BYTES)
        else:
            values = _little_endian(data, start + field.place, size, count, field.width)
        columns.append(Column(field.type, values))
    times = _little_endian(data, start + shape.time_place, size, count, 8)
    logged = data[start + shape.logged_place : start + shape.logged_place + 8]
    block = Columns([field.name for field in shape.fields], count, times, columns)
    return Run(shape.number, float(_FLOAT.unpack(logged)[0]), block, start + count * size)


def _packed_columns(rows: memoryview, size: int, shape: Shape, start: int) -> Run:
    words = rows.cast("Q")
    columns = []
    for field in shape.fields:
        if field.type == "bool":
            values = rows[field.place :: size].tobytes()
        else:
            values = words[field.place // 8 :: size // 8].tobytes()
        columns.append(Column(field.type, values))
    times = words[shape.time_place // 8 :: size // 8].tobytes()
    block = Columns([field.name for field in shape.fields], len(rows) // size, times, columns)
    logged_at = memoryview(times)[:8].cast("d")[0]
    return Run(shape.number, logged_at, block, start + len(rows))


def _little_endian(data: bytes, start: int, size: int, count: int, width: int) -> bytes:
    """`count` big-endian numbers of `width` bytes, `size` bytes apart, as little-endian numbers of 8 bytes."""
    values = bytearray(8 * count)
    stop = start + (count - 1) * size + width
    for byte in range(width):
        values[width - 1 - byte :: 8] = data[start + byte : stop : size]
    return bytes(values)
