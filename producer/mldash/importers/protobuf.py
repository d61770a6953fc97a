"""The few rules of protocol buffers' wire format that event files need: fields one by one, without any schema."""

import struct
from collections.abc import Iterator

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_MOST_BITS = 70


class Malformed(Exception):
    """Bytes that are no message; `offset` is where within it."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset

    def __str__(self) -> str:
        return f"not a protocol buffer at byte {self.offset} of the record"


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field: an int of a varint, else its bytes. Raises Malformed."""
    at, end = 0, len(data)
    while at < end:
        key = data[at]
        if key < 0x80:
            at += 1
        else:
            key, at = _varint(data, at)
        kind, field = key & 7, key >> 3
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield field, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
        else:
            raise Malformed(at)
        if not field or size > end - at:
            raise Malformed(at)
        yield field, data[at : at + size]
        at += size


def message(data: int | bytes) -> dict[int, int | bytes]:
    """The fields of a message that come once; of one that comes again the last. Raises Malformed."""
    return dict(fields(_bytes(data)))


def text(value: int | bytes | None) -> str:
    """ "" where it is absent. Raises Malformed."""
    return "" if value is None else _bytes(value).decode(errors="replace")


def signed(value: int | bytes | None) -> int:
    """An int32 or int64; 0 where it is absent. Raises Malformed."""
    if value is None:
        return 0
    if not isinstance(value, int):
        raise Malformed(0)
    value &= 0xFFFF_FFFF_FFFF_FFFF
    return value - (1 << 64) if value >> 63 else value


def double(value: int | bytes | None) -> float:
    """0.0 where it is absent. Raises Malformed."""
    return 0.0 if value is None else _number("<d", value)


def single(value: int | bytes | None) -> float:
    """A float of 32 bits, exactly. Raises Malformed."""
    return 0.0 if value is None else _number("<f", value)


def numbers(format: str, value: int | bytes) -> list[float]:
    """A list of numbers of one size, packed or one of them alone. Raises Malformed."""
    data = _bytes(value)
    size = struct.calcsize(f"<{format}")
    if len(data) % size:
        raise Malformed(0)
    return list(struct.unpack(f"<{len(data) // size}{format}", data))


def varints(value: int | bytes) -> list[int]:
    """A list of whole numbers, packed or one alone. Raises Malformed."""
    if isinstance(value, int):
        return [signed(value)]
    found, at = [], 0
    while at < len(value):
        one, at = _varint(value, at)
        found.append(signed(one))
    return found


def timestamp(value: int | bytes | None) -> float | None:
    """Seconds of a google.protobuf.Timestamp. Raises Malformed."""
    if value is None:
        return None
    found = message(value)
    return signed(found.get(1)) + signed(found.get(2)) / 1e9


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < _MOST_BITS and at < len(data):
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed(at)


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise Malformed(0)
    return value


def _number(format: str, value: int | bytes) -> float:
    data = _bytes(value)
    if len(data) != struct.calcsize(format):
        raise Malformed(0)
    found: float = struct.unpack(format, data)[0]
    return found
