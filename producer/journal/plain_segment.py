"""A segment by plain writes, for file systems where a mapped file is no good (placement.py): the same bytes, the same
interface. Slower, a system call an event, and with a lock, for a write to the kernel lets other threads run.

Nothing is preallocated: a full disk is an error of the write, and what it left of the frame is cut off again.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

from .checkpoint import Place
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
        self._lock = threading.RLock()
        self._end = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self._append(SEGMENT_HEADER.pack(MAGIC, session, number))
        except BaseException:
            self.close()
            path.unlink(missing_ok=True)
            raise

    @property
    def end(self) -> int:
        return self._end

    def write(self, frame: bytes) -> None:
        """Raises ValueError where there is no room, the segment is closed, or what it holds is another process's by
        now; NoSpace, a ValueError too, where the disk is full; OSError of the disk."""
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
            return os.pread(self._descriptor, stop - start, start)

    def seal(self) -> None:
        with self._lock:
            rest = self.size - self._end
            if rest:
                # Only the seal itself is written: behind it the file ends, which reads like zeros. Where the disk has
                # no room for it either, the next segment says the same by being there.
                with contextlib.suppress(OSError):
                    os.pwrite(self._descriptor, seal_frame(rest)[:8], self._end)
                self._end = self.size

    def sync(self) -> None:
        if self._descriptor < 0:
            raise ValueError
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _append(self, frame: bytes) -> int:
        """The new end; all of the frame or nothing of it is there."""
        begin, end = self._end, self._end + len(frame)
        if end > self.size or self._descriptor < 0:
            raise ValueError
        at = begin
        try:
            while at < end:
                at += os.pwrite(self._descriptor, memoryview(frame)[at - begin :], at)
        except OSError:
            os.ftruncate(self._descriptor, begin)
            raise
        self._end = end
        return end
