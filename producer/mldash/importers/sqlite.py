"""SQLite files of others, read without a trace.

A database in SQLite's journal mode WAL is shared through files beside it (-wal, -shm), which SQLite makes and writes
even for who only reads. So such a one is copied, with what its -wal holds, and the copy is read; any other one is
opened to be read only.
"""

import shutil
import sqlite3
import tempfile
import time
import weakref
from pathlib import Path
from typing import Final
from urllib.parse import quote

MAGIC: Final = b"SQLite format 3\0"
FAULTS: Final = (sqlite3.Error, UnicodeDecodeError)
"""What reading raises. The second where the name of a column is damaged, or an error of SQLite's names what is no
text."""

_VERSIONS: Final = slice(18, 20)
_WAL: Final = b"\2\2"
_BESIDE: Final = ("-wal", "-journal")
_LOCKED_FOR_S: Final = 10.0
_COPIES: Final = 100
_REST_S: Final = 0.05
"""Who has written within this time may be writing: file systems count time in ticks."""


class DatabaseUnreadable(OSError):
    """SQLite says that a file of its own can't be read: damaged, locked, or in need of a repair by its owner."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path, self.reason = path, reason

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


class Database:
    """One that lies at `path`; of a copy, as it was when it was first connected to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._copy: Path | None = None

    def connect(self) -> sqlite3.Connection:
        """To be closed by the caller. Text that is none has replacement characters. Raises OSError, sqlite3.Error."""
        if self._copy is None and _is_shared(self.path):
            self._copy = self._copied()
        if self._copy is not None:
            database = sqlite3.connect(self._copy)
        else:
            uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
            database = sqlite3.connect(uri, uri=True, timeout=_LOCKED_FOR_S)
        database.text_factory = lambda data: data.decode(errors="replace")
        return database

    def tables(self) -> set[str]:
        """Raises DatabaseUnreadable."""
        try:
            database = self.connect()
            try:
                return {str(name) for (name,) in database.execute("select name from sqlite_master")}
            finally:
                database.close()
        except FAULTS as error:
            raise DatabaseUnreadable(self.path, str(error)) from error

    @property
    def touched(self) -> float:
        """When it was last written to, seconds since 1970. Raises OSError."""
        return max(written for _, _, written in _state(self.path)) / 1e9

    def _copied(self) -> Path:
        """Goes with this object, at the latest with the process."""
        folder = Path(tempfile.mkdtemp(prefix="mldash-import-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        for _ in range(_COPIES):
            before = _state(self.path)
            if all(time.time_ns() - written > _REST_S * 1e9 for _, _, written in before):
                for name, _, _ in before:
                    shutil.copyfile(f"{self.path}{name}", folder / f"copy{name}")
                if _state(self.path) == before:
                    return folder / "copy"
                for name, _, _ in before:
                    (folder / f"copy{name}").unlink()
            time.sleep(_REST_S)
        raise DatabaseUnreadable(self.path, "it is written to all the time: import it once its runs pause")


def _is_shared(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(_VERSIONS.stop)[_VERSIONS] == _WAL


def _state(path: Path) -> list[tuple[str, int, int]]:
    """(what its name ends with, size, when it was written) of each file of a database. Raises OSError."""
    found = []
    for name in ("", *_BESIDE):
        try:
            about = Path(f"{path}{name}").stat()
        except FileNotFoundError:
            if name:
                continue
            raise
        found.append((name, about.st_size, about.st_mtime_ns))
    return found
