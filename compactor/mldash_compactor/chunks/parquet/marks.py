"""Facts that a Parquet column of ours does not say by itself: which numbers are integers, and which nulls are None.

Of each field that is stored as `numbers`, or whose nulls are `marked` (mixed_types.py), the key `mldash.marks` of a
chunk's metadata holds

    name       of the field
    integers   a bit a number, rows × width of them, least significant first: those that are integers; null: none is
    nones      a bit a row: those in which the field is there and None; null: none is

as MessagePack, zstd, base64. Other readers take the column as it is: float64, and null. In a joined object the marks
are in each chunk's own footer.
"""

from collections.abc import Iterable
from typing import Any, Final, Self

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

MOST_BITS: Final = 1 << 22
"""Of one field; where there are more (very long vectors of both kinds), it is MessagePack."""

Mask = NDArray[np.bool_]


class Marks(Struct, frozen=True, array_like=True):
    """Of one field, as the module's head says."""

    name: str
    integers: bytes | None = None
    nones: bytes | None = None

    @classmethod
    def of(cls, name: str, integers: Mask | None, nones: Mask | None) -> Self | None:
        """None where there is nothing to be said."""
        packed = [None if mask is None or not mask.any() else _pack(mask) for mask in (integers, nones)]
        return None if packed == [None, None] else cls(name, *packed)

    def integer_mask(self, first_row: int, rows: int, width: int) -> Mask:
        """Of the numbers of these rows."""
        return _unpack(self.integers, first_row * width, rows * width)

    def none_mask(self, first_row: int, rows: int) -> Mask:
        return _unpack(self.nones, first_row, rows)


def integers_of(values: Iterable[Any], present: Mask | None, width: int, count: int) -> Mask:
    """Which of `count` numbers are integers, one a number of every row; `present`: the rows that have values."""
    found = np.fromiter((type(value) is int for value in values), np.bool_)
    if present is None:
        return found
    spread = np.zeros(count, np.bool_)
    spread[np.repeat(present, width)] = found
    return spread


def _pack(mask: Mask) -> bytes:
    return np.packbits(mask, bitorder="little").tobytes()


def _unpack(bits: bytes | None, first: int, count: int) -> Mask:
    if bits is None:
        return np.zeros(count, np.bool_)
    start, skip = divmod(first, 8)
    part = np.frombuffer(bits, np.uint8)[start : -(-(first + count) // 8)]
    return np.unpackbits(part, count=skip + count, bitorder="little")[skip:].view(np.bool_)
