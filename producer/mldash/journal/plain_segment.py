"""A segment by plain writes, for file systems that are unsafe for mapped files (placement.py): the same bytes, the same
interface. Slower, a system call an event, and with a lock, for a write to the kernel lets other threads run.

Nothing is preallocated: a full disk is an error of the write, and what it left of the frame is cut off again. A frame's
place is taken before it is written: what a signal's handler logs in the middle of a write gets a place of its own
behind it.
"""

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path

from mldash.process.locks import reentrant_lock

from .checkpoint import Place
from .descriptors import Descriptor
from .frame import seal_frame
from .segment import MAGIC, SEGMENT_HEADER, NoSpace

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT))


def _always(place: Place) -> bool:
    return True


class PlainSegment:
    """A segment that this process writes."""

    def __init__(
        self, path: Path, session: bytes, number: int, size: int, covers: Callable[[Place], bool] = _always
    ) -> None:
        """Makes the file. `covers` is asked after each write whether it counts (ownership.py).

        Raises OSError (no space, no rights, it is there).
        """
        self.path, self.number, self.size = path, number, size
        self._covers = covers
        self._lock = reentrant_lock()
        self._use_lock = reentrant_lock()  # a descriptor that is forced to the disk is not closed meanwhile
        self._end = 0
        self._descriptor = Descriptor(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o666)
        try:
            self._append(SEGMENT_HEADER.pack(MAGIC, session, number))
        except BaseException:
            self.close()
            path.unlink(missing_ok=True)
            raise

    @property
    def end(self) -> int:
        with self._lock:  # not the place of a frame that another thread is writing
            return self._end

    def write(self, frame: bytes) -> None:
        """Raises ValueError where the segment is full or closed, or has become another process's;
        NoSpace, a ValueError too, where the disk is full; OSError of the disk."""
        with self._lock:
            try:
                end = self._append(frame)
            except OSError as error:
                if error.errno in _FULL:
                    raise NoSpace from error
                raise
        if not self._covers(Place(self.number, end)):
            raise ValueError

    def read(self, start: int, stop: int) -> bytes:
        with self._lock:
            return os.pread(self._descriptor.number, stop - start, start)

    def seal(self) -> int:
        with self._lock:
            end, self._end = self._end, self.size
            rest = self.size - end
            if rest:
                # Only the seal itself is written: behind it the file ends, which reads like zeros. Where the disk has
                # no room for it either, the next segment says the same by being there.
                with contextlib.suppress(OSError, ValueError):
                    os.pwrite(self._descriptor.number, seal_frame(rest)[:8], end)
        return end

    def sync(self) -> None:
        with self._use_lock:
            os.fdatasync(self._descriptor.number)

    def close(self) -> None:
        with self._lock, self._use_lock:
            self._descriptor.close()

    def leave_to_parent(self) -> None:
        """In a forked child, where none of its locks can be waited for."""
        self._descriptor.close()

    def _append(self, frame: bytes) -> int:
        """The new end; all of the frame or nothing of it is there."""
        begin, end = self._end, self._end + len(frame)
        if end > self.size or not self._descriptor.is_mine:
            raise ValueError
        self._end = end
        try:
            self._write_at(begin, frame)
        except BaseException:
            if self._end == end:
                self._end = begin
                os.ftruncate(self._descriptor.number, begin)
            else:  # a handler that interrupted this has logged behind it: no hole may stay before that
                with contextlib.suppress(OSError):
                    self._write_at(begin, frame)
            raise
        return end

    def _write_at(self, at: int, frame: bytes) -> None:
        rest = memoryview(frame)
        while rest:
            written = os.pwrite(self._descriptor.number, rest, at)
            rest, at = rest[written:], at + written
