"""Blocks of 256 rows of a row file, and their index: beside `data.jsonl` lies `.data.index`, so that a read in the
middle of a long file looks at one block and not at all before it.

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

import os
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from mldash.events.encoding import exact_from_json

from .opening import NotFollowed, OpenFile, file_of, open_anyhow
from .state.acknowledged import FileEnd

BLOCK_ROWS: Final = 256

MAGIC: Final = b"MLDASH-I"
ENTRY: Final = struct.Struct("<QQddIIQ")
CHECKED_BYTES: Final = 64
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


def decode_rows(path: Path, data: bytes) -> list[dict[str, Any]]:
    """Lines → rows, values as they were. Raises DamagedRow."""
    try:
        rows: list[dict[str, Any]] = _decode_lines(data)
    except msgspec.DecodeError as error:
        raise DamagedRow(str(path), f"a line is no JSON: {error}") from error
    if b'{"$' in data:  # only then is there something that JSON could not say
        rows = [exact_from_json(row) for row in rows]
    return rows


def status_of(path: Path, open_file: OpenFile = open_anyhow) -> os.stat_result | None:
    """None where the file is missing. It is opened, for over a network that asks the server how large it is."""
    try:
        descriptor = open_file(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return os.fstat(descriptor)
    finally:
        os.close(descriptor)


def index_of(path: Path) -> Path:
    return path.with_name(f".{path.stem}.index")


def read_index(path: Path, end: FileEnd, after: FileEnd, open_file: OpenFile = open_anyhow) -> list[Block]:
    """The blocks of the index behind `after`, as far as they fit the data, which end at `end`."""
    try:
        with file_of(open_file(index_of(path))) as file:
            if file.read(len(MAGIC)) != MAGIC:
                return []
            file.seek(len(MAGIC) + after.rows // BLOCK_ROWS * ENTRY.size)
            data = file.read()
    except (FileNotFoundError, NotADirectoryError, NotFollowed):
        return []
    blocks: list[Block] = []
    offset = after.bytes
    body = memoryview(data)[: len(data) // ENTRY.size * ENTRY.size]
    for number, entry in enumerate(ENTRY.iter_unpack(body), after.rows // BLOCK_ROWS):
        block = read_entry(number, entry)
        if block.offset != offset or block.end > end.bytes or block.end_row > end.rows:
            break
        blocks.append(block)
        offset = block.end
    return blocks if blocks and fit(path, blocks, open_file) else []


def scan(
    path: Path, start: FileEnd, end: FileEnd, time_of: TimeOf, open_file: OpenFile = open_anyhow
) -> Iterator[Block]:
    """The blocks between two ends, read from the data; the last may be short."""
    row, offset, held = start.rows, start.bytes, b""
    lines: list[bytes] = []
    with file_of(open_file(path)) as file:
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


def whole_lines(path: Path, open_file: OpenFile = open_anyhow) -> FileEnd:
    """Where the last whole line of a file ends, and how many there are."""
    rows = size = at = 0
    with file_of(open_file(path)) as file:
        while data := file.read(_SCAN_BYTES):
            rows += data.count(b"\n")
            if (last := data.rfind(b"\n")) >= 0:
                size = at + last + 1
            at += len(data)
    return FileEnd(size, rows)


def _block_of_lines(path: Path, row: int, offset: int, lines: list[bytes], time_of: TimeOf) -> Block:
    data = b"\n".join(lines) + b"\n"
    return block_of_rows(row, offset, data, [time_of(one) for one in decode_rows(path, data)])


def block_of_rows(row: int, offset: int, data: bytes, times: Sequence[float]) -> Block:
    checksum = zlib.crc32(data[:CHECKED_BYTES])
    return Block(row, len(times), offset, len(data), min(times), max(times), len(set(times)), checksum)


def read_entry(number: int, entry: tuple[Any, ...]) -> Block:
    offset, length, first, last, distinct, checksum, _ = entry
    return Block(number * BLOCK_ROWS, BLOCK_ROWS, offset, length, first, last, distinct, checksum)


def end_of(blocks: Sequence[Block]) -> FileEnd:
    return FileEnd(blocks[-1].end, blocks[-1].end_row) if blocks else FileEnd()


def fit(path: Path, blocks: Sequence[Block], open_file: OpenFile = open_anyhow) -> bool:
    """Whether the data begin, where the index says that a block does, with the bytes that it was made of."""
    try:
        descriptor = open_file(path)
    except FileNotFoundError:
        return False
    try:
        return all(
            block.length
            and zlib.crc32(os.pread(descriptor, min(CHECKED_BYTES, block.length), block.offset)) == block.checksum
            for block in blocks
        )
    finally:
        os.close(descriptor)
