"""A file that grows by lines, each a JSON object, appended by many processes under the experiment's lock.

Its acknowledged end (acknowledged.py) is where the next row goes; what lies beyond was written by someone who was
killed or whose disk was full, and is cut first.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec import Struct

from .row_index import (
    BLOCK_ROWS,
    ENTRY,
    MAGIC,
    TimeOf,
    block_of_rows,
    fit,
    index_of,
    read_entry,
    scan,
)
from .state.acknowledged import FileEnd


class Piece(Struct, frozen=True):
    """Rows to append, encoded: one line a row. A piece never crosses a multiple of BLOCK_ROWS."""

    data: bytes
    times: list[float]


class RowFile:
    """One row file as its writers see it. Every method is called under the experiment's lock."""

    def __init__(
        self, path: Path, time_of: TimeOf, fsync: bool = False, check: Callable[[], None] = lambda: None
    ) -> None:
        """`check` raises where it is too late to write to what was opened (fence.py)."""
        self.path = path
        self._time_of = time_of
        self._fsync = fsync
        self._check = check

    def append(self, end: FileEnd, pieces: Sequence[Piece]) -> FileEnd:
        """Append behind `end` and return the new end. Raises OSError: then nothing behind `end` counts."""
        data = b"".join(piece.data for piece in pieces)
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._check()
            if os.fstat(descriptor).st_size > end.bytes:
                os.ftruncate(descriptor, end.bytes)
            at, rest = end.bytes, memoryview(data)
            while rest:
                written = os.pwrite(descriptor, rest, at)
                at, rest = at + written, rest[written:]
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return FileEnd(end.bytes + len(data), end.rows + sum(len(piece.times) for piece in pieces))

    def cut(self, end: FileEnd) -> None:
        """Take back what was appended behind `end` and not acknowledged. Raises OSError."""
        with contextlib.suppress(FileNotFoundError), self.path.open("r+b") as file:
            self._check()
            file.truncate(end.bytes)

    def extend_index(self, before: FileEnd, after: FileEnd, pieces: Sequence[Piece]) -> None:
        """Enter the blocks that became full between `before` and `after`, which are acknowledged now."""
        if after.rows // BLOCK_ROWS == before.rows // BLOCK_ROWS:
            return
        end = self._indexed_end(before)
        entries = bytearray(b"" if end.rows else MAGIC)
        row, at = before.rows, before.bytes
        for piece in pieces:
            here = FileEnd(at + len(piece.data), row + len(piece.times))
            if end.rows == row and len(piece.times) == BLOCK_ROWS:
                blocks = [block_of_rows(row, at, piece.data, piece.times)]
            elif here.rows - end.rows >= BLOCK_ROWS:
                # The block began before this call, or the index has fallen behind: read it back.
                blocks = [one for one in scan(self.path, end, here, self._time_of) if one.rows == BLOCK_ROWS]
            else:
                blocks = []
            for one in blocks:
                entries += ENTRY.pack(one.offset, one.length, one.first, one.last, one.distinct, one.checksum, 0)
                end = FileEnd(one.end, one.end_row)
            row, at = here.rows, here.bytes
        place = len(MAGIC) + end.rows // BLOCK_ROWS * ENTRY.size - len(entries)
        with index_of(self.path).open("r+b" if place > 0 else "wb") as file:
            file.seek(place)
            file.write(entries)
            file.truncate()

    def _indexed_end(self, before: FileEnd) -> FileEnd:
        """Where the index ends; at the file's beginning where it is missing or does not fit."""
        try:
            with index_of(self.path).open("rb") as file:
                count = (os.fstat(file.fileno()).st_size - len(MAGIC)) // ENTRY.size
                if count < 1 or count * BLOCK_ROWS > before.rows or file.read(len(MAGIC)) != MAGIC:
                    return FileEnd()
                file.seek(len(MAGIC) + (count - 1) * ENTRY.size)
                last = read_entry(count - 1, ENTRY.unpack(file.read(ENTRY.size)))
        except FileNotFoundError:
            return FileEnd()
        return FileEnd(last.end, last.end_row) if last.end <= before.bytes and fit(self.path, [last]) else FileEnd()
