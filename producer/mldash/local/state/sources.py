"""The events behind the rows of a file: `.data.sources` beside `data.jsonl`.

    magic    8 bytes   MLDASH-S
    then one entry of 32 bytes for each change of source, little endian
      first_row  u64        from this row on, up to the next entry's
      session    16 bytes   the rows are events of this session,
      first_seq  u64        from this seq on, one after another

So each row keeps the name that its event has for ever, (session, stream, seq), and `mldash sync` sends it under that
name: however often it is run, and from whatever copy of the folder, the store drops what it has
(docs/decisions/0007-what-a-local-row-is-called.md). One process that writes alone makes one entry.

Entries are written before their rows are acknowledged. One that begins at or beyond the acknowledged end came from
someone who was killed, and is cut by the next writer, as the rows are. Rows before the first entry, or without any,
were written by another program, or copied without this file: they are called after what stands in the first line.
"""

import hashlib
import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, NamedTuple

MAGIC: Final = b"MLDASH-S"
_ENTRY: Final = struct.Struct("<Q16sQ")


class Source(NamedTuple):
    """Rows from `first_row` on are events of `session`, from `first_seq` on."""

    first_row: int
    session: bytes
    first_seq: int

    def seq_of(self, row: int) -> int:
        return self.first_seq + row - self.first_row


class Span(NamedTuple):
    """Consecutive events of one session."""

    session: bytes
    first_seq: int
    rows: int


class SourceFile:
    """The sources of one row file as its writers see them; every call under the experiment's lock."""

    def __init__(self, row_file: Path, fsync: bool = False, check: Callable[[], None] = lambda: None) -> None:
        """`check` raises where it is too late to write to what was opened (fence.py)."""
        self._path = sources_of(row_file)
        self._check = check
        self._fsync = fsync
        self._last: Source | None = None
        self._size = -1  # of the file when `_last` was its last entry

    def append(self, first_row: int, spans: Iterable[Span]) -> None:
        """The rows from `first_row` on are these spans'. Raises OSError; then no entry beyond `first_row` counts."""
        if first_row == 0:  # no entry can count
            self._last, self._size = None, 0
        elif self._last is None or self._last.first_row >= first_row or self._size != _size(self._path):
            self._look(first_row)
        last, entries, row = self._last, bytearray(), first_row
        for span in spans:
            if last is None or last.session != span.session or last.seq_of(row) != span.first_seq:
                last = Source(row, span.session, span.first_seq)
                entries += _ENTRY.pack(*last)
            row += span.rows
        if entries:
            self._write(entries)
            self._last = last

    def _look(self, first_row: int) -> None:
        """Find the last entry that counts, and cut what stands behind it."""
        self._last, self._size = None, 0
        try:
            with self._path.open("r+b") as file:
                self._check()
                size = os.fstat(file.fileno()).st_size
                count = (size - len(MAGIC)) // _ENTRY.size
                if file.read(len(MAGIC)) != MAGIC:
                    count = 0
                while count > 0:
                    file.seek(len(MAGIC) + (count - 1) * _ENTRY.size)
                    entry = Source(*_ENTRY.unpack(file.read(_ENTRY.size)))
                    if entry.first_row < first_row:
                        self._last = entry
                        break
                    count -= 1
                self._size = len(MAGIC) + count * _ENTRY.size if count > 0 else 0
                if size != self._size:
                    file.truncate(self._size)
        except FileNotFoundError:
            return

    def _write(self, entries: bytearray) -> None:
        data = bytes(entries) if self._size else MAGIC + entries
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            self._check()
            if not self._size and os.fstat(descriptor).st_size:
                os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, data, self._size)
            if self._fsync:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self._size += len(data)


def read_sources(row_file: Path, adopted: bytes) -> list[Source]:
    """The sources of all rows, the first from row 0 on; what has none belongs to the session `adopted`."""
    found: list[Source] = []
    try:
        data = sources_of(row_file).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        data = b""
    if data.startswith(MAGIC):
        body = memoryview(data)[len(MAGIC) :]
        found = [Source(*entry) for entry in _ENTRY.iter_unpack(body[: len(body) // _ENTRY.size * _ENTRY.size])]
    if not found or found[0].first_row > 0:
        found.insert(0, Source(0, adopted, 0))
    return found


def sources_of(row_file: Path) -> Path:
    return row_file.with_name(f".{row_file.stem}.sources")


def adopted_session(prefix: str, row_file: str, first_line: bytes) -> bytes:
    """The session of rows that another program has written, 16 bytes: the same at every time and place."""
    digest = hashlib.blake2b(digest_size=16, person=b"mldash/adopted")
    for part in (prefix.encode(), row_file.encode(), first_line):
        digest.update(len(part).to_bytes(4, "little"))
        digest.update(part)
    return digest.digest()


def renamed_session(session: bytes, times: int) -> bytes:
    """The session that stands in its place after so many deletions, 16 bytes: the same whoever asks. 0: itself."""
    if not times:
        return session
    return hashlib.blake2b(session + times.to_bytes(4, "little"), digest_size=16, person=b"mldash/renamed").digest()


def _size(path: Path) -> int:
    try:
        with path.open("rb") as file:  # opened, for over a network that asks the server
            return os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return 0
