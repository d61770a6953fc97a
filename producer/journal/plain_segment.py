"""A segment by plain writes, for file systems where a mapped file is no good (placement.py): the same bytes, the same
interface. Slower, a system call an event, and with a lock, for a write to the kernel lets other threads run.

Nothing is preallocated: a full disk is an error of the write, and what it left of the frame is cut off again.
"""

import os
import threading
from pathlib import Path

from .frame import seal_frame
from .segment import MAGIC, SEGMENT_HEADER


class PlainSegment:
    """A segment that this process writes."""

    def __init__(self, path: Path, session: bytes, number: int, size: int) -> None:
        """Makes the file. Raises OSError (no space, no rights, it is there)."""
        self.path, self.number, self.size = path, number, size
        self._lock = threading.RLock()
        self._end = 0
        self._descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            self.write(SEGMENT_HEADER.pack(MAGIC, session, number))
        except BaseException:
            self.close()
            path.unlink(missing_ok=True)
            raise

    @property
    def end(self) -> int:
        return self._end

    def write(self, frame: bytes) -> None:
        """Raises ValueError where there is no room, or the segment is closed; OSError of the disk."""
        with self._lock:
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

    def read(self, start: int, stop: int) -> bytes:
        return os.pread(self._descriptor, stop - start, start)

    def seal(self) -> None:
        with self._lock:
            rest = self.size - self._end
            if rest:
                # Only the seal itself is written: behind it the file ends, which reads like zeros.
                os.pwrite(self._descriptor, seal_frame(rest)[:8], self._end)
                self._end = self.size

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def close(self) -> None:
        with self._lock:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1
