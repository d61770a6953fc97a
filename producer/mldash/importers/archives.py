"""Zip archives of others, member by member: what is in one counts once its checksum fits.

A flipped bit shows at the end of a member only, when lines before it were given long since. So each is read twice: once
for its checksum, and once for what is in it.

Members that are stored or deflated are read. Of the other kinds, in which no tracker writes, the library unpacks whole
pieces without a limit: some hundred bytes would fill the memory.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from .events import LeftOut, Progress, Torn

MAGIC: Final = b"PK\x03\x04"
_READ_BYTES: Final = 1024 * 1024
_MOST_BYTES: Final = 64 * 1024 * 1024
"""Of a member that is taken whole, and of a line."""
_FAULTS: Final = (BadZipFile, zlib.error, struct.error, RuntimeError, EOFError, ValueError, ArithmeticError, KeyError)
"""What the library raises of bytes that are no archive, beside OSError."""


class ArchiveUnreadable(OSError):
    """It is cut, or damaged."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def names_in(path: Path) -> frozenset[str]:
    """Of all members. Raises ArchiveUnreadable, OSError."""
    try:
        with ZipFile(path) as archive:
            return frozenset(archive.namelist())
    except _FAULTS as error:
        raise ArchiveUnreadable(path, f"not a whole zip archive ({error})") from error


class Member:
    """One file of an archive."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name

    @property
    def size_bytes(self) -> int:
        """Raises OSError."""
        return self.path.stat().st_size

    def head(self, size: int) -> bytes:
        """What it begins with, not checked. Raises ArchiveUnreadable, OSError."""
        try:
            with ZipFile(self.path) as archive, _opened(archive, self.name) as member:
                return member.read(size)
        except _FAULTS as error:
            raise self._unreadable(error) from error

    def whole(self) -> bytes:
        """All of it. Raises ArchiveUnreadable, OSError."""
        try:
            with ZipFile(self.path) as archive, _opened(archive, self.name) as member:
                data = member.read(_MOST_BYTES)
                if member.read(1):
                    raise ArchiveUnreadable(self.path, f"{self.name} is too large")
                return data
        except _FAULTS as error:
            raise self._unreadable(error) from error

    def lines(self, left: LeftOut, progress: Progress) -> Iterator[bytes]:
        """Its lines, with their ends; none where its checksum does not fit, of which `left` is told. Raises OSError."""
        try:
            with ZipFile(self.path) as archive:
                with _opened(archive, self.name) as member:
                    while member.read(_READ_BYTES):
                        pass
                with _opened(archive, self.name) as member:
                    while line := member.readline(_MOST_BYTES):
                        yield line
        except _FAULTS as error:
            left.torn.append(Torn(self.path, 0, self.size_bytes, self._unreadable(error).reason, True))
        progress(self.size_bytes)

    def _unreadable(self, error: Exception) -> ArchiveUnreadable:
        return ArchiveUnreadable(self.path, f"{self.name} can't be read ({error})")


def _opened(archive: ZipFile, name: str) -> IO[bytes]:
    """Raises BadZipFile where it is compressed in a way that is not read, and others of _FAULTS."""
    member = archive.getinfo(name)
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise BadZipFile("compressed in a way that is not read")
    return archive.open(member)
