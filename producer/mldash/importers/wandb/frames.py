"""The records of a `.wandb` file: a log in the manner of LevelDB.

    head      7 bytes: ":W&B", 0xBEE1 as u16 little endian, version 0
    blocks    of 32 KiB, the head in the first; less than 7 bytes at a block's end are padding
    chunk     checksum u32 (CRC-32 of type and data), length u16, type u8: 1 whole, 2 first, 3 middle, 4 last; data

A record is a protocol buffer. The file of a run that goes on lags behind, and one that was killed ends anywhere.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from mldash.importers.events import LeftOut, Progress, Torn

HEAD: Final = b":W&B\xe1\xbe\x00"
_MAGIC: Final = HEAD[:4]
_BLOCK_BYTES: Final = 32 * 1024
_chunk = struct.Struct("<IHB")
_WHOLE, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_CRC_OF_TYPE: Final = {kind: zlib.crc32(bytes([kind])) for kind in (_WHOLE, _FIRST, _MIDDLE, _LAST)}
_MOST_BYTES: Final = 256 * 1024 * 1024
_UNFINISHED: Final = "a record is not finished"


def is_log(head: bytes) -> bool:
    """Whether a file begins as one of these."""
    return head.startswith(_MAGIC)


def records(path: Path, left: LeftOut, progress: Progress, begins: bytes = HEAD) -> Iterator[bytes]:
    """Each record, up to the first that is torn or damaged, of which `left` is told. Raises OSError."""
    with path.open("rb") as file:
        size = path.stat().st_size
        head = file.read(len(begins))
        if head != begins:
            whole = head != begins[: len(head)]
            left.torn.append(Torn(path, 0, size, "a head of another version" if whole else _UNFINISHED, whole))
            progress(size)
            return
        progress(len(begins))
        yield from _records(path, file, size, left, progress)


def _records(path: Path, file: BinaryIO, size: int, left: LeftOut, progress: Progress) -> Iterator[bytes]:
    begun: bytearray | None = None
    start = at = len(HEAD)
    while at < size:
        found = _next_chunk(file, at, size)
        fault = found if isinstance(found, str) else _misplaced(found[0], begun)
        if fault is not None or isinstance(found, str):
            reason = fault or _UNFINISHED
            left.torn.append(Torn(path, start, size - start, reason, reason != _UNFINISHED))
            progress(size - start)
            return
        kind, data, at = found
        if kind == _WHOLE:
            yield data
        elif kind == _FIRST:
            begun = bytearray(data)
        elif begun is not None:
            begun += data
            if kind == _LAST:
                yield bytes(begun)
                begun = None
        if begun is None:
            progress(at - start)
            start = at
    if begun is not None:
        left.torn.append(Torn(path, start, size - start, _UNFINISHED, False))
        progress(size - start)


def _next_chunk(file: BinaryIO, at: int, size: int) -> tuple[int, bytes, int] | str:
    """(type, data, the place behind it) of the chunk at or behind a place; text: what is wrong."""
    room = _BLOCK_BYTES - at % _BLOCK_BYTES
    if room < _chunk.size:
        file.seek(room, 1)
        at, room = at + room, _BLOCK_BYTES
    head = file.read(_chunk.size)
    if len(head) < _chunk.size:
        return _UNFINISHED
    checksum, length, kind = _chunk.unpack(head)
    if kind not in _CRC_OF_TYPE or length > room - _chunk.size:
        return "no chunk begins where one must"
    data = file.read(length)
    if len(data) < length:
        return _UNFINISHED
    if zlib.crc32(data, _CRC_OF_TYPE[kind]) != checksum:
        return "the checksum of a chunk does not fit"
    return kind, data, at + _chunk.size + length


def _misplaced(kind: int, begun: bytearray | None) -> str | None:
    """What is wrong with a chunk of this type here; None where it may stand."""
    if (kind in (_WHOLE, _FIRST)) != (begun is None):
        return "a chunk stands in another record's middle"
    if begun is not None and len(begun) > _MOST_BYTES:
        return "a record above 256 MiB"
    return None
