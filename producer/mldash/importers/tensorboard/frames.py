"""The records of an event file, and the checksums that hold it together.

length    u64, little endian
checksum  u32: masked CRC-32C of the length
data      length bytes: an Event of TensorFlow
checksum  u32: masked CRC-32C of the data
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from mldash.importers.events import LeftOut, Progress, Torn

HEAD_BYTES: Final = 12
_TAIL_BYTES: Final = 4
_head = struct.Struct("<QI")
_POLYNOMIAL: Final = 0x82F63B78
_MASK_DELTA: Final = 0xA282EAD8


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ _POLYNOMIAL if value & 1 else value >> 1
        table.append(value)
    return table


_TABLE: Final = _table()


def _crc32c_in_python(data: bytes) -> int:
    crc = 0xFFFF_FFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFF_FFFF


def _fastest() -> Callable[[bytes], int]:
    try:
        from google_crc32c import value
    except ImportError:
        return _crc32c_in_python
    found: Callable[[bytes], int] = value
    return found


crc32c = _fastest()


def masked(crc: int) -> int:
    """As TensorFlow stores checksums."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFF_FFFF


def is_head(data: bytes) -> bool:
    """Whether a file that begins so is one of records: the checksum of the first length says it."""
    if len(data) < HEAD_BYTES:
        return False
    length, checksum = _head.unpack_from(data)
    return bool(length) and masked(crc32c(data[:8])) == checksum


def records(path: Path, left: LeftOut, progress: Progress) -> Iterator[bytes]:
    """The data of each record, up to the first that is torn or damaged, of which `left` is told. Raises OSError."""
    with path.open("rb") as file:
        size = path.stat().st_size
        at = 0
        while at < size:
            data, fault = _record(file, size - at)
            if data is None:
                left.torn.append(Torn(path, at, size - at, fault, fault != _UNFINISHED))
                progress(size - at)
                return
            taken = HEAD_BYTES + len(data) + _TAIL_BYTES
            at += taken
            progress(taken)
            yield data


_UNFINISHED: Final = "a record is not finished"


def _record(file: BinaryIO, most: int) -> tuple[bytes | None, str]:
    head = file.read(HEAD_BYTES)
    if len(head) < HEAD_BYTES:
        return None, _UNFINISHED
    length, checksum = _head.unpack(head)
    if masked(crc32c(head[:8])) != checksum:
        return None, "the checksum of a length does not fit"
    if length > most - HEAD_BYTES - _TAIL_BYTES:
        return None, _UNFINISHED
    data = file.read(length)
    tail = file.read(_TAIL_BYTES)
    if len(data) < length or len(tail) < _TAIL_BYTES:
        return None, _UNFINISHED
    if masked(crc32c(data)) != int.from_bytes(tail, "little"):
        return None, "the checksum of a record does not fit"
    return data, ""
