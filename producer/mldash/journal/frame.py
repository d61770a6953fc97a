"""One frame of a segment.

    word      u32, little endian: bytes of the payload (24 bits) and the kind (8 bits); 0 means "nothing here yet"
    checksum  u32, little endian: Adler-32 of the payload, begun at the kind
    payload   MessagePack, of a ROW packed numbers

and, by kind, the payload

    STREAM    [number, kind, name]              a stream, before its first event in the segment
    EVENT     [number, time, {field: value}]    one event
    COLUMNS   [number, time, count, times, {field: [type, bytes, shape]}]
    RUN       [number, Start | Describe | End]
    SEAL      nothing: the writer has gone on to the next segment
    LAYOUT    what stands in the rows with a number, before the first of them in the segment (layout.py)
    ROW       one event of numbers only, packed (layout.py)

A frame is handed to the segment as one piece of bytes by one call (mmap.write), which the interpreter's lock makes
atomic: threads and signal handlers need no lock of ours. A process killed within that copy leaves a torn frame, whose
checksum fails: it ends the journal. Adler-32 and not CRC-32: zlib's CRC of a short piece costs 130 ns here, a sixth of
a whole log(), Adler-32 40 ns, and a torn or zeroed piece changes its plain sum.
"""

from collections.abc import Iterator
from struct import Struct as Packer
from typing import NamedTuple
from zlib import adler32

from mldash.events.limits import CALL_BYTES

STREAM, EVENT, COLUMNS, RUN, SEAL, LAYOUT, ROW = 1, 2, 3, 4, 5, 6, 7

HEADER = Packer("<II")
HEADER_BYTES = HEADER.size
LENGTH_MASK = (1 << 24) - 1
KIND_SHIFT = 24

MAX_PAYLOAD_BYTES = CALL_BYTES
"""One call with what stands around its values: the limit of all, so that what is taken here is stored there."""


class Frame(NamedTuple):
    """A frame as it was found: `start` is its place in the segment, `end` where the next begins."""

    kind: int
    start: int
    end: int
    payload: memoryview


def pack_frame(kind: int, payload: bytes) -> bytes:
    """The frame's bytes; append.py has the same inline."""
    return HEADER.pack(len(payload) | kind << KIND_SHIFT, adler32(payload, kind)) + payload


def seal_frame(size: int) -> bytes:
    """Bytes that fill the rest of a segment, `size` of them, and say that the next one follows."""
    if size < HEADER_BYTES:
        return bytes(size)
    return HEADER.pack(SEAL << KIND_SHIFT, SEAL) + bytes(size - HEADER_BYTES)


def frames(data: memoryview, start: int = 0, *, checked: bool = True) -> Iterator[Frame]:
    """Frames of a segment from `start` on, up to the first place that holds no whole frame; a SEAL is the last.

    `checked` False leaves the checksums out: for what this process has written itself.
    """
    size = len(data)
    while start + HEADER_BYTES <= size:
        word, checksum = HEADER.unpack_from(data, start)
        if not word:
            return
        kind, length = word >> KIND_SHIFT, word & LENGTH_MASK
        end = start + HEADER_BYTES + length
        if end > size or not STREAM <= kind <= ROW:
            return
        payload = data[start + HEADER_BYTES : end]
        if checked and adler32(payload, kind) != checksum:
            return
        yield Frame(kind, start, end, payload)
        if kind == SEAL:
            return
        start = end
