"""A row file as its readers see it."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .opening import OpenFile, file_of, open_anyhow
from .row_index import (
    BLOCK_ROWS,
    CHECKED_BYTES,
    Block,
    DamagedRow,
    TimeOf,
    decode_rows,
    end_of,
    read_index,
    scan,
    status_of,
    whole_lines,
)
from .state.acknowledged import FileEnd

_NEVER: Final = (b"", -1, -1)


class RowReader:
    """One row file as readers see it, up to an acknowledged end. It keeps what it has learnt of the index."""

    def __init__(self, path: Path, time_of: TimeOf, open_file: OpenFile = open_anyhow) -> None:
        self.path = path
        self._open_file = open_file
        self.end = FileEnd()
        self._time_of = time_of
        self._full: list[Block] = []  # of the index, or scanned
        self._tail: list[Block] = []  # the rows behind the last full block
        self._looked_at = _NEVER  # generation, inode and size
        self.version = 0
        """Another one: what was read of the file need not be in it any more. Else it has only grown."""

    def refresh(self, end: FileEnd | None, generation: bytes = b"") -> None:
        """Take in appended rows. `end` None: the file has no acknowledgement, and its whole lines count.

        `generation`: of the acknowledged state. With another one all is read again: the number of a file that was
        deleted is soon another file's, so it alone does not tell one that was made anew.
        """
        status = status_of(self.path, self._open_file)
        if status is None:
            self.end, self._full, self._tail, self._looked_at = FileEnd(), [], [], _NEVER
            self.version += 1
            return
        if end is not None and status.st_size < end.bytes:
            end = None  # shorter than it was: what is left of it counts
        looked_at = (generation, status.st_ino, end.bytes if end else status.st_size)
        if looked_at == self._looked_at:
            return
        if looked_at[:2] != self._looked_at[:2] or looked_at[2] < self._looked_at[2]:
            self._full = []
            self.version += 1
        whole = end if end is not None else whole_lines(self.path, self._open_file)
        self._full.extend(read_index(self.path, whole, end_of(self._full), self._open_file))
        scanned = list(scan(self.path, end_of(self._full), whole, self._time_of, self._open_file))
        self._full.extend(block for block in scanned if block.rows == BLOCK_ROWS)
        self._tail = [block for block in scanned if block.rows < BLOCK_ROWS]
        self.end, self._looked_at = whole, looked_at

    def block_of(self, row: int) -> Block:
        """The block that holds a row which there is."""
        return self._block_at(row // BLOCK_ROWS)

    def _block_at(self, number: int) -> Block:
        return self._full[number] if number < len(self._full) else self._tail[0]

    @property
    def blocks(self) -> list[Block]:
        """All rows, in order; every block but the last is full."""
        return self._full + self._tail

    def rows(self, first: int, stop: int) -> list[dict[str, Any]]:
        """Rows first … stop - 1, as many of them as there are."""
        stop = min(stop, self.end.rows)
        return decode_rows(self.path, self.data(first, stop)) if first < stop else []

    def data(self, first: int, stop: int) -> bytes:
        """Rows first … stop - 1, all of which there are, as lines. Raises DamagedRow."""
        first_block, last_block = self._block_at(first // BLOCK_ROWS), self._block_at((stop - 1) // BLOCK_ROWS)
        skipped, count = first - first_block.first_row, last_block.end_row - first_block.first_row
        data = self._data(first_block, last_block)
        if stop - first < count:  # only the lines that are asked for are decoded: a row may have megabytes
            data = b"\n".join(data.split(b"\n")[skipped : skipped + stop - first])
        return data

    def read(self, first: Block, last: Block) -> list[dict[str, Any]]:
        """The rows of neighbouring blocks. Raises DamagedRow."""
        return decode_rows(self.path, self._data(first, last))

    def _data(self, first: Block, last: Block) -> bytes:
        with file_of(self._open_file(self.path)) as file:
            file.seek(first.offset)
            data = file.read(last.end - first.offset)
        if zlib.crc32(data[:CHECKED_BYTES]) != first.checksum:
            self._full, self._looked_at = [], _NEVER
            self.version += 1
            raise DamagedRow(str(self.path), f"row {first.first_row} is not where the index has it; read again")
        return data

    def overlapping(self, start: float, end: float) -> Iterator[Block]:
        """Blocks with times in [start, end]; by a microsecond more, for text holds no finer times."""
        for block in self.blocks:
            if block.last >= start - 1e-6 and block.first <= end + 1e-6:
                yield block
