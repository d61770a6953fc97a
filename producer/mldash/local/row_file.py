"""A file that grows by lines, each a JSON object, appended by many processes under the experiment's lock.

Its acknowledged end (acknowledged.py) is where the next row goes; what lies beyond was written by someone who was
killed or whose disk was full, and is cut first. Beside `data.jsonl` lies `.data.index`, so that a read in the middle of
a long file looks at one block of 256 rows and not at all before it:

    magic    8 bytes   MLDASH-I
    then one entry of 48 bytes for each full block of 256 rows, little endian
      offset    u64   of the block's first byte
      length    u64   bytes of the block
      first     f64   the smallest and
      last      f64   the greatest time in the block
      distinct  u32   different times in it
      checksum  u32   CRC-32 of the block's first 64 bytes
      reserved  u64   0

The index is written after the rows are acknowledged, and never trusted: where it is shorter than the data, the rest is
scanned; where it does not fit them (a checksum, an offset), all is scanned, and the next writer makes it again.
"""

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from mldash.events.encoding import exact_from_json

from .state.acknowledged import FileEnd

BLOCK_ROWS: Final = 256

_MAGIC: Final = b"MLDASH-I"
_ENTRY: Final = struct.Struct("<QQddIIQ")
_CHECKED_BYTES: Final = 64
_SCAN_BYTES: Final = 4 * 1024 * 1024

_decode_lines = msgspec.json.Decoder().decode_lines

TimeOf = Callable[[dict[str, Any]], float]


class DamagedRow(Exception):
    """A row that is acknowledged can't be read: someone else's hand, or the disk."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Piece(Struct, frozen=True):
    """Rows to append, encoded: one line a row. A piece never crosses a multiple of BLOCK_ROWS."""

    data: bytes
    times: list[float]


class Block(Struct, frozen=True):
    """Rows first_row … first_row + rows - 1, as the index has them."""

    first_row: int
    rows: int
    offset: int
    length: int
    first: float
    last: float
    distinct: int
    checksum: int

    @property
    def end_row(self) -> int:
        return self.first_row + self.rows

    @property
    def end(self) -> int:
        return self.offset + self.length


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
        entries = bytearray(b"" if end.rows else _MAGIC)
        row, at = before.rows, before.bytes
        for piece in pieces:
            here = FileEnd(at + len(piece.data), row + len(piece.times))
            if end.rows == row and len(piece.times) == BLOCK_ROWS:
                blocks = [_block(row, at, piece.data, piece.times)]
            elif here.rows - end.rows >= BLOCK_ROWS:
                # The block began before this call, or the index has fallen behind: read it back.
                blocks = [one for one in scan(self.path, end, here, self._time_of) if one.rows == BLOCK_ROWS]
            else:
                blocks = []
            for one in blocks:
                entries += _ENTRY.pack(one.offset, one.length, one.first, one.last, one.distinct, one.checksum, 0)
                end = FileEnd(one.end, one.end_row)
            row, at = here.rows, here.bytes
        place = len(_MAGIC) + end.rows // BLOCK_ROWS * _ENTRY.size - len(entries)
        with index_of(self.path).open("r+b" if place > 0 else "wb") as file:
            file.seek(place)
            file.write(entries)
            file.truncate()

    def _indexed_end(self, before: FileEnd) -> FileEnd:
        """Where the index ends; at the file's beginning where it is missing or does not fit."""
        try:
            with index_of(self.path).open("rb") as file:
                count = (os.fstat(file.fileno()).st_size - len(_MAGIC)) // _ENTRY.size
                if count < 1 or count * BLOCK_ROWS > before.rows or file.read(len(_MAGIC)) != _MAGIC:
                    return FileEnd()
                file.seek(len(_MAGIC) + (count - 1) * _ENTRY.size)
                last = _read_entry(count - 1, _ENTRY.unpack(file.read(_ENTRY.size)))
        except FileNotFoundError:
            return FileEnd()
        return FileEnd(last.end, last.end_row) if last.end <= before.bytes and _fit(self.path, [last]) else FileEnd()


class RowReader:
    """One row file as readers see it, up to an acknowledged end. It keeps what it has learnt of the index."""

    def __init__(self, path: Path, time_of: TimeOf) -> None:
        self.path = path
        self.end = FileEnd()
        self._time_of = time_of
        self._full: list[Block] = []  # of the index, or scanned
        self._tail: list[Block] = []  # the rows behind the last full block
        self._looked_at = (-1, -1)  # inode and size
        self.version = 0
        """Another one: what was read of the file need not be in it any more. Else it has only grown."""

    def refresh(self, end: FileEnd | None) -> None:
        """Take in what has been appended. `end` None: the file is acknowledged by nobody, its whole lines count."""
        status = status_of(self.path)
        if status is None:
            self.end, self._full, self._tail, self._looked_at = FileEnd(), [], [], (-1, -1)
            self.version += 1
            return
        if end is not None and status.st_size < end.bytes:
            end = None  # shorter than it was: what is left of it counts
        looked_at = (status.st_ino, end.bytes if end else status.st_size)
        if looked_at == self._looked_at:
            return
        if status.st_ino != self._looked_at[0] or looked_at[1] < self._looked_at[1]:
            self._full = []
            self.version += 1
        whole = end if end is not None else whole_lines(self.path)
        self._full.extend(read_index(self.path, whole, _end_of(self._full)))
        scanned = list(scan(self.path, _end_of(self._full), whole, self._time_of))
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
        with self.path.open("rb") as file:
            file.seek(first.offset)
            data = file.read(last.end - first.offset)
        if zlib.crc32(data[:_CHECKED_BYTES]) != first.checksum:
            self._full, self._looked_at = [], (-1, -1)
            self.version += 1
            raise DamagedRow(str(self.path), f"row {first.first_row} is not where the index has it; read again")
        return data

    def overlapping(self, start: float, end: float) -> Iterator[Block]:
        """Blocks with times in [start, end]; by a microsecond more, for text holds no finer times."""
        for block in self.blocks:
            if block.last >= start - 1e-6 and block.first <= end + 1e-6:
                yield block


def decode_rows(path: Path, data: bytes) -> list[dict[str, Any]]:
    """Lines → rows, values as they were. Raises DamagedRow."""
    try:
        rows: list[dict[str, Any]] = _decode_lines(data)
    except msgspec.DecodeError as error:
        raise DamagedRow(str(path), f"a line is no JSON: {error}") from error
    if b'{"$' in data:  # only then is there something that JSON could not say
        rows = [exact_from_json(row) for row in rows]
    return rows


def status_of(path: Path) -> os.stat_result | None:
    """None where there is no file. It is opened, for over a network that asks the server how large it is."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def index_of(path: Path) -> Path:
    return path.with_name(f".{path.stem}.index")


def read_index(path: Path, end: FileEnd, after: FileEnd) -> list[Block]:
    """The blocks of the index behind `after`, as far as they fit the data, which end at `end`."""
    try:
        with index_of(path).open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                return []
            file.seek(len(_MAGIC) + after.rows // BLOCK_ROWS * _ENTRY.size)
            data = file.read()
    except (FileNotFoundError, NotADirectoryError):
        return []
    blocks: list[Block] = []
    offset = after.bytes
    body = memoryview(data)[: len(data) // _ENTRY.size * _ENTRY.size]
    for number, entry in enumerate(_ENTRY.iter_unpack(body), after.rows // BLOCK_ROWS):
        block = _read_entry(number, entry)
        if block.offset != offset or block.end > end.bytes or block.end_row > end.rows:
            break
        blocks.append(block)
        offset = block.end
    return blocks if blocks and _fit(path, blocks) else []


def scan(path: Path, start: FileEnd, end: FileEnd, time_of: TimeOf) -> Iterator[Block]:
    """The blocks between two ends, read from the data; the last may be short."""
    row, offset, held = start.rows, start.bytes, b""
    lines: list[bytes] = []
    with path.open("rb") as file:
        file.seek(start.bytes)
        left = end.bytes - start.bytes
        while left > 0 and (data := file.read(min(_SCAN_BYTES, left))):
            left -= len(data)
            *whole, held = (held + data).split(b"\n")
            lines.extend(whole)
            while len(lines) >= BLOCK_ROWS:
                block = _block_of_lines(path, row, offset, lines[:BLOCK_ROWS], time_of)
                yield block
                del lines[:BLOCK_ROWS]
                row, offset = block.end_row, block.end
    if lines:
        yield _block_of_lines(path, row, offset, lines, time_of)


def whole_lines(path: Path) -> FileEnd:
    """Where the last whole line of a file ends, and how many there are."""
    rows = size = at = 0
    with path.open("rb") as file:
        while data := file.read(_SCAN_BYTES):
            rows += data.count(b"\n")
            if (last := data.rfind(b"\n")) >= 0:
                size = at + last + 1
            at += len(data)
    return FileEnd(size, rows)


def _block_of_lines(path: Path, row: int, offset: int, lines: list[bytes], time_of: TimeOf) -> Block:
    data = b"\n".join(lines) + b"\n"
    return _block(row, offset, data, [time_of(one) for one in decode_rows(path, data)])


def _block(row: int, offset: int, data: bytes, times: Sequence[float]) -> Block:
    checksum = zlib.crc32(data[:_CHECKED_BYTES])
    return Block(row, len(times), offset, len(data), min(times), max(times), len(set(times)), checksum)


def _read_entry(number: int, entry: tuple[Any, ...]) -> Block:
    offset, length, first, last, distinct, checksum, _ = entry
    return Block(number * BLOCK_ROWS, BLOCK_ROWS, offset, length, first, last, distinct, checksum)


def _end_of(blocks: Sequence[Block]) -> FileEnd:
    return FileEnd(blocks[-1].end, blocks[-1].end_row) if blocks else FileEnd()


def _fit(path: Path, blocks: Sequence[Block]) -> bool:
    """Whether the data begin, where the index says that a block does, with the bytes that it was made of."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return all(
            block.length
            and zlib.crc32(os.pread(descriptor, min(_CHECKED_BYTES, block.length), block.offset)) == block.checksum
            for block in blocks
        )
    finally:
        os.close(descriptor)
