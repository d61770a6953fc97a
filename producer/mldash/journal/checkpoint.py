"""The end of the acknowledged events, and the start of the counting of seqs.

    checkpoint   two slots of 32 bytes, written in turns: counter u64, segment u64, offset u64, CRC-32 u32, 4 zeros.
                 The valid slot with the higher counter counts; a slot torn by a kill leaves the other.
    base         CRC-32 u32, then MessagePack [segment, [[number, kind, name, seq], …]]: each stream's seq at the
                 beginning of the first segment that is kept. Replaced whole, and forced to the disk, before an older
                 segment is deleted.

The checkpoint is the end of the acknowledged *prefix*, never the highest acknowledged (docs/protocol.md 9.1).
"""

import errno
import os
from pathlib import Path
from struct import Struct as Packer
from typing import NamedTuple
from zlib import crc32

import msgspec

from .segment import SEGMENT_HEADER_BYTES

_SLOT = Packer("<QQQI4x")
_CRC = Packer("<I")
_IN_PLACE_BYTES = 4096
"""A kill does not tear one write within a page."""


class Place(NamedTuple):
    """A place in the journal: a segment and an offset in it. Places compare as they follow each other."""

    segment: int
    offset: int


START = Place(0, SEGMENT_HEADER_BYTES)


class StreamSeq(NamedTuple):
    """A stream of the session and the seq of its next event."""

    number: int
    kind: str
    name: str | None
    seq: int


class Base(NamedTuple):
    segment: int
    streams: list[StreamSeq]


_decode_base = msgspec.msgpack.Decoder(Base).decode


class Checkpoint:
    """The checkpoint file of one session; written by who holds the session's lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counter, self.place = _read_slots(path)
        self._descriptor: int | None = None

    def advance(self, place: Place) -> None:
        """Note that everything before `place` is acknowledged. Raises OSError."""
        if place <= self.place:
            return
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
        self._counter += 1
        body = _SLOT.pack(self._counter, place.segment, place.offset, 0)[:24]
        slot = _SLOT.pack(self._counter, place.segment, place.offset, crc32(body))
        os.pwrite(self._descriptor, slot, (self._counter % 2) * _SLOT.size)
        self.place = place

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def make_checkpoint(path: Path) -> None:
    """With nothing acknowledged. Raises OSError."""
    path.write_bytes(bytes(2 * _SLOT.size))


def read_checkpoint(path: Path) -> Place:
    """The place, START where none was ever written."""
    return _read_slots(path)[1]


def write_base(path: Path, base: Base, *, force: bool = True) -> None:
    """`force` it to the disk: before what it makes dispensable goes. Raises OSError."""
    body = msgspec.msgpack.encode(base)
    data = _CRC.pack(crc32(body)) + body
    new = path.with_suffix(".new")
    try:
        with new.open("wb") as file:
            file.write(data)
            file.flush()
            if force:
                os.fsync(file.fileno())
    except OSError as error:
        new.unlink(missing_ok=True)
        if error.errno not in (errno.ENOSPC, errno.EDQUOT) or len(data) > _IN_PLACE_BYTES:
            raise
        # A full disk is freed by the segments that go next: over the old bytes, which have their block.
        with path.open("r+b") as file:
            file.write(data)
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        return
    new.replace(path)


def read_base(path: Path) -> Base | None:
    """None where it is missing or damaged: the segments in the folder tell which."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(data) < _CRC.size or _CRC.unpack_from(data)[0] != crc32(data[_CRC.size :]):
        return None
    return _decode_base(data[_CRC.size :])


def _read_slots(path: Path) -> tuple[int, Place]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0, START
    best = (0, START)
    for at in (0, _SLOT.size):
        slot = data[at : at + _SLOT.size]
        if len(slot) == _SLOT.size:
            counter, segment, offset, checksum = _SLOT.unpack(slot)
            if counter > best[0] and crc32(slot[:24]) == checksum:
                best = (counter, Place(segment, offset))
    return best
