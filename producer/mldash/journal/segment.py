"""One preallocated file of frames, mapped into memory: the kernel keeps its pages when the process is killed.

    magic    8 bytes: "mldash", 0, format version 1
    session  16 bytes
    number   u64, little endian: its place in the journal
    frames   see frame.py; zeros behind the last one

Space is allocated when the file is made (posix_fallocate), so a full disk is an error then, and never a SIGBUS in the
middle of a training.
"""

import contextlib
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from struct import Struct as Packer
from typing import Any, Protocol

from .frame import HEADER_BYTES, seal_frame

MAGIC = b"mldash\0\1"
SEGMENT_HEADER = Packer("<8s16sQ")
SEGMENT_HEADER_BYTES = SEGMENT_HEADER.size


class NoSpace(ValueError):
    """The segment has room, and the disk has none."""


class Segment(Protocol):
    """A file that the journal writes to: mapped, or by plain writes (plain_segment.py)."""

    path: Path
    number: int
    size: int

    @property
    def write(self) -> Callable[[bytes], Any]:
        """Appends all of the bytes or raises ValueError where they do not fit; atomic among threads."""
        ...

    @property
    def end(self) -> int:
        """Where the next frame goes; the size once it is sealed."""
        ...

    def read(self, start: int, stop: int) -> bytes: ...

    def seal(self) -> int:
        """From now on write() raises ValueError, also for who took it before. Where its last frame ended."""
        ...

    def sync(self) -> None:
        """Force it to the disk (setting fsync). Raises OSError; ValueError where it is closed."""
        ...

    def close(self) -> None: ...

    def leave_to_parent(self) -> None:
        """In a forked child: whoever still holds `write`, a call that forked in its middle, gets ValueError from it."""
        ...


class MappedSegment:
    """A segment that this process writes."""

    def __init__(self, path: Path, session: bytes, number: int, size: int) -> None:
        """Makes the file. Raises OSError (no space, no rights, it is there)."""
        self.path, self.number, self.size = path, number, size
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o666)
        try:
            os.posix_fallocate(descriptor, 0, size)
            self._map = mmap.mmap(descriptor, size)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        self._map.write(SEGMENT_HEADER.pack(MAGIC, session, number))
        self.write: Callable[[bytes], Any] = self._map.write

    @property
    def end(self) -> int:
        try:
            return self._map.tell()
        except ValueError:  # sealed, and released by another thread since it was asked for
            return self.size

    def read(self, start: int, stop: int) -> bytes:
        return self._map[start:stop]

    def seal(self) -> int:
        # The rest is filled by one more write, so that other threads' frames can't land behind the seal: a thread that
        # writes in between makes this one too long, and the next try is shorter.
        # Whoever reads the seal may release the segment at once, before this thread has looked again.
        while (rest := self.size - self.end) > 0:
            with contextlib.suppress(ValueError):
                self._map.write(seal_frame(rest))
                return self.size - rest
        return self.size

    def sync(self) -> None:
        """Force it to the disk (setting fsync)."""
        self._map.flush()

    def close(self) -> None:
        """Ends all reads and writes."""
        self._map.close()

    def leave_to_parent(self) -> None:
        with contextlib.suppress(BufferError):  # a thread of the parent was reading it; nothing writes then
            self._map.close()


def segment_name(number: int) -> str:
    return f"{number:010}.seg"


def segment_bytes_for(payload_bytes: int) -> int:
    """Size of a segment that holds one large frame and the declaration of its stream."""
    return SEGMENT_HEADER_BYTES + 2 * HEADER_BYTES + 8192 + payload_bytes


def read_segment(path: Path, session: bytes | None, number: int) -> bytes | None:
    """The bytes of a segment; None where it is not a segment of this session: torn at its very beginning.

    Raises FileNotFoundError.
    """
    data = path.read_bytes()
    if len(data) < SEGMENT_HEADER_BYTES:
        return None
    magic, owner, own_number = SEGMENT_HEADER.unpack_from(data)
    if magic != MAGIC or own_number != number or (session is not None and owner != session):
        return None
    return data
