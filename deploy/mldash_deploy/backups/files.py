"""The files of a backup: written for their owner alone, with a checksum of every block, by which damage has a place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final

from msgspec import Struct

from .errors import BackupDamaged

BLOCK_BYTES: Final = 16 << 20
_READ_BYTES: Final = 1 << 20
_DIGEST_BYTES: Final = 16

Tell = Callable[[str, int, int], None]
"""What is going on, bytes done, bytes in all: for a bar."""


class SavedFile(Struct, frozen=True, kw_only=True):
    """`blocks`: BLAKE2b of each 16 MiB of it, in hex."""

    path: str
    bytes: int
    blocks: list[str]


class Stage:
    """One part of the work, told as it goes on."""

    def __init__(self, tell: Tell, what: str, total: int) -> None:
        self._tell, self._what, self._total, self._done = tell, what, total, 0
        tell(what, 0, total)

    def advance(self, count: int) -> None:
        self._done += count
        self._tell(self._what, self._done, max(self._total, self._done))


class Blocks:
    """Checksums of bytes as they come."""

    def __init__(self) -> None:
        self.bytes = 0
        self._ended: list[str] = []
        self._current = hashlib.blake2b(digest_size=_DIGEST_BYTES)

    def update(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            part = view[: BLOCK_BYTES - self.bytes % BLOCK_BYTES]
            self._current.update(part)
            self.bytes += len(part)
            view = view[len(part) :]
            if self.bytes % BLOCK_BYTES == 0:
                self._end()

    def digests(self) -> list[str]:
        """Once all has come."""
        if self.bytes % BLOCK_BYTES:
            self._end()
        return list(self._ended)

    def _end(self) -> None:
        self._ended.append(self._current.hexdigest())
        self._current = hashlib.blake2b(digest_size=_DIGEST_BYTES)


class NewFile:
    """A file that is being written. With its end it is on the disk, and `saved` says what it holds."""

    def __init__(self, folder: Path, path: str) -> None:
        """`path` within the folder. Raises OSError, also where it is there."""
        whole = folder / path
        whole.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path, self._blocks = path, Blocks()
        self._file = os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self.saved = SavedFile(path=path, bytes=0, blocks=[])

    def __enter__(self) -> NewFile:
        return self

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._blocks.update(data)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file as file:
            if error is None:
                file.flush()
                os.fsync(file.fileno())
        digests = self._blocks.digests()
        self.saved = SavedFile(path=self._path, bytes=self._blocks.bytes, blocks=digests)


def where_they_differ(expected: SavedFile, found: Blocks) -> str | None:
    """The place in words; None: they are the same."""
    if found.bytes != expected.bytes:
        return f"{found.bytes} bytes, and {expected.bytes} were written"
    for number, (one, other) in enumerate(zip(expected.blocks, found.digests(), strict=True)):
        if one != other:
            first = number * BLOCK_BYTES
            return f"bytes {first} to {min(first + BLOCK_BYTES, expected.bytes)} are not those that were written"
    return None


def check_file(folder: Path, expected: SavedFile, stage: Stage) -> None:
    """Raises BackupDamaged."""
    found = Blocks()
    try:
        with (folder / expected.path).open("rb") as file:
            while data := file.read(_READ_BYTES):
                found.update(data)
                stage.advance(len(data))
    except OSError as error:
        raise BackupDamaged(expected.path, f"it can't be read ({error.strerror})") from None
    place = where_they_differ(expected, found)
    if place is not None:
        raise BackupDamaged(expected.path, place)
