"""MessagePack by hand (https://github.com/msgpack/msgpack/blob/master/spec.md), where msgspec would look at each value.

Arrays are put end to end without decoding them, and packed numbers become rows, and rows packed numbers, by copying
bytes. What that takes of the format is here; all else goes through msgspec.

    head           0x90 + n of an array and 0x80 + n of a map with up to 15 elements; else 0xDC and 0xDE before a count
                   of 2 bytes, 0xDD and 0xDF before one of 4
    text           0xA0 + n bytes up to 31; else 0xD9 before 1 byte of length, 0xDA before 2
    numbers        0x00 … 0x7F and, from 0xE0 on, -32 … -1 are themselves; else a tag and 1 to 8 bytes, big endian
    False, True    0xC2, 0xC3
"""

from collections.abc import Iterable
from typing import Final

import msgspec

FALSE: Final = 0xC2
TRUE: Final = 0xC3
FLOAT64: Final = 0xCB
FLOAT_BYTES: Final = 9
"""Of a float64 with its tag."""
UINT64: Final = 0xCF
INT64: Final = 0xD3
UNSIGNED: Final = {0xCC: 1, 0xCD: 2, 0xCE: 4, UINT64: 8}
SIGNED: Final = {0xD0: 1, 0xD1: 2, 0xD2: 4, INT64: 8}
"""Tag → bytes that follow."""
FIXINT_END: Final = 0x80
NEGATIVE_FIXINT: Final = 0xE0

_ARRAY, _ARRAY_OF_2 = 0x90, 0xDC
_MAP, _MAP_OF_2 = 0x80, 0xDE
_TEXT, _TEXT_OF_1, _TEXT_OF_2 = 0xA0, 0xD9, 0xDA


def array_head(count: int) -> bytes:
    """Of an array of so many elements, as short as it can be, which is how every encoder writes it."""
    return bytes((_ARRAY | count,)) if count < 16 else _long_head(_ARRAY_OF_2, count)


def map_head(count: int) -> bytes:
    """The same of a map."""
    return bytes((_MAP | count,)) if count < 16 else _long_head(_MAP_OF_2, count)


def read_array_head(encoded: bytes | memoryview, at: int = 0) -> tuple[int, int] | None:
    """How many elements the array has that begins here, and where its first stands; None where it is none."""
    tag = encoded[at] if at < len(encoded) else 0
    if _ARRAY <= tag < _ARRAY + 16:
        return tag - _ARRAY, at + 1
    return _read_long_head(encoded, at, tag - _ARRAY_OF_2)


def read_map_head(encoded: bytes | memoryview, at: int = 0) -> tuple[int, int] | None:
    """The same of a map."""
    tag = encoded[at] if at < len(encoded) else 0
    if _MAP <= tag < _MAP + 16:
        return tag - _MAP, at + 1
    return _read_long_head(encoded, at, tag - _MAP_OF_2)


def pack_array(count: int, bodies: Iterable[bytes | memoryview]) -> bytes:
    """One array of values that are encoded already: `bodies`, one or many values each, end to end."""
    return b"".join((array_head(count), *bodies))


def unpack_array(encoded: bytes) -> tuple[int, memoryview]:
    """The reverse: how many values, and their bytes end to end. Raises msgspec.DecodeError where it is no array."""
    found = read_array_head(encoded)
    if found is None:
        raise msgspec.DecodeError("no MessagePack array")
    return found[0], memoryview(encoded)[found[1] :]


def join_arrays(arrays: Iterable[bytes]) -> bytes:
    """The array of all elements of these arrays; none of the elements is looked at. Raises msgspec.DecodeError."""
    total, bodies = 0, list[memoryview]()
    for one in arrays:
        if one and _ARRAY <= one[0] < _ARRAY + 16:  # mostly: a call would cost as much as the rest
            total += one[0] - _ARRAY
            bodies.append(memoryview(one)[1:])
        else:
            count, body = unpack_array(one)
            total += count
            bodies.append(body)
    return pack_array(total, bodies)


def text_head(size: int) -> bytes:
    """Of a text of so many bytes, 64 KiB at most."""
    if size < 32:
        return bytes((_TEXT | size,))
    return bytes((_TEXT_OF_1, size)) if size < 256 else bytes((_TEXT_OF_2,)) + size.to_bytes(2, "big")


def read_text(encoded: bytes, at: int) -> tuple[str, int]:
    """The text that begins here, of 64 KiB at most, and where it ends."""
    tag = encoded[at]
    if tag == _TEXT_OF_1:
        size, at = encoded[at + 1], at + 2
    elif tag == _TEXT_OF_2:
        size, at = int.from_bytes(encoded[at + 1 : at + 3], "big"), at + 3
    else:
        size, at = tag & 0x1F, at + 1
    return encoded[at : at + size].decode(), at + size


def read_unsigned(encoded: bytes, at: int) -> tuple[int, int]:
    """The integer that begins here, which is not negative, and where it ends."""
    width = UNSIGNED.get(encoded[at])
    if width is None:
        return encoded[at], at + 1
    return int.from_bytes(encoded[at + 1 : at + 1 + width], "big"), at + 1 + width


def _long_head(tag_of_2: int, count: int) -> bytes:
    if count < 1 << 16:
        return bytes((tag_of_2,)) + count.to_bytes(2, "big")
    return bytes((tag_of_2 + 1,)) + count.to_bytes(4, "big")


def _read_long_head(encoded: bytes | memoryview, at: int, tag: int) -> tuple[int, int] | None:
    """`tag`: 0 before a count of 2 bytes, 1 before one of 4."""
    end = at + (3 if tag == 0 else 5)
    if tag not in (0, 1) or end > len(encoded):
        return None
    return int.from_bytes(encoded[at + 1 : end], "big"), end
