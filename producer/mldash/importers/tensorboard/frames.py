"""The records of an event file, and the checksums that hold it together.

length    u64, little endian
checksum  u32: masked CRC-32C of the length
data      length bytes: an Event of TensorFlow
checksum  u32: masked CRC-32C of the data
"""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

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
    lengths: dict[bytes, int] = {}  # heads that were checked: most records of a file have one of a few lengths
    check = crc32c
    with path.open("rb", buffering=_READ_BYTES) as file:
        size = path.stat().st_size
        at = 0
        while at < size:
            head = file.read(HEAD_BYTES)
            length = lengths.get(head)
            if length is None:
                length, fault = _length_of(head)
                if fault is None and len(lengths) < _HEADS_KEPT:
                    lengths[head] = length
            else:
                fault = None
            taken = HEAD_BYTES + length + _TAIL_BYTES
            if fault is None and taken <= size - at:
                rest = file.read(length + _TAIL_BYTES)
                data = rest[:length]
                if len(rest) < length + _TAIL_BYTES:
                    fault = _UNFINISHED
                elif masked(check(data)) != int.from_bytes(rest[length:], "little"):
                    fault = "the checksum of a record does not fit"
                else:
                    at += taken
                    progress(taken)
                    yield data
                    continue
            left.torn.append(Torn(path, at, size - at, fault or _UNFINISHED, fault not in (None, _UNFINISHED)))
            progress(size - at)
            return


_UNFINISHED: Final = "a record is not finished"
_READ_BYTES: Final = 1024 * 1024
_HEADS_KEPT: Final = 4096


def _length_of(head: bytes) -> tuple[int, str | None]:
    """What a head says, and why it does not count."""
    if len(head) < HEAD_BYTES:
        return 0, _UNFINISHED
    length, checksum = _head.unpack(head)
    if masked(crc32c(head[:8])) != checksum:
        return 0, "the checksum of a length does not fit"
    return length, None
