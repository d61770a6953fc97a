"""A file that one process holds at a time, where the file system knows no locks.

    lease             JSON: which process holds it, and a token; its mtime moves when it is renewed
    lease.making-…    the same before it was linked to its name, which only one process can do
    lease.broken-…    another process broke it, or it was released late: a mark for the next holder

A process breaks it that has seen it unchanged for LEASE_S by its own clock, or knows that its holder is gone. A holder
that was only paused for so long wakes and goes on, so breaking is never safe by itself: all that a lease guards must
bear a second holder. A mark says that there may be one (local/state/fence.py; for sessions ownership.py).
"""

import contextlib
import os
import time
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.process.clock import Stopwatch
from mldash.process.processes import Process, is_gone, this_process

LEASE_S: Final = 30.0
MAKING_KEPT_S: Final = 3_600.0


class Holder(Struct, frozen=True):
    """The content of a lease."""

    process: Process
    token: str


_decode_holder = msgspec.json.Decoder(Holder).decode


class _Seen(NamedTuple):
    """A lease as it was found: its bytes and the time of its last renewal."""

    data: bytes
    renewed_ns: int


class Lease:
    """One process's side of a lease; not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mine: bytes | None = None
        self._renewed = Stopwatch()

    def try_take(self) -> bool:
        """Make the lease, and break an existing one that its holder does not renew. Never waits.

        Raises OSError: FileNotFoundError where its folder is gone.
        """
        if self.try_make():
            return True
        seen = _look(self.path)
        if seen is not None and not _is_abandoned(self.path, seen):
            return False
        if seen is not None:
            self._break(seen)
        return self.try_make()

    def try_make(self) -> bool:
        """Make the lease where there is none. Raises OSError."""
        if self.path.exists():
            return False
        token = os.urandom(8).hex()
        mine = msgspec.json.encode(Holder(this_process(), token))
        made = self.path.with_name(f"{self.path.name}.making-{token}")
        renewed = Stopwatch()
        try:
            made.write_bytes(mine)
            self.path.hardlink_to(made)  # whole, or not at all: half a lease, left by a kill, would say nothing
        except FileExistsError:
            return False
        finally:
            made.unlink(missing_ok=True)
        self._mine, self._renewed = mine, renewed
        _watched.pop(self.path, None)
        return True

    def is_held(self) -> bool:
        """Whether it is still this one's."""
        seen = _look(self.path)
        return self._mine is not None and seen is not None and seen.data == self._mine

    def renew(self) -> bool:
        """Say that its holder lives; whether it is still held."""
        renewed = Stopwatch()
        if not self.is_held():
            return False
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path)
        self._renewed = renewed
        return True

    @property
    def unrenewed_s(self) -> float:
        return self._renewed.seconds

    @property
    def made_at(self) -> float:
        """When it was made or renewed, by the clock of the file system."""
        return self.path.stat().st_mtime

    def release(self) -> None:
        """Harmless where it is not held any more."""
        if self._mine is None:
            return
        if self.is_held():
            with contextlib.suppress(FileNotFoundError):
                self.path.unlink()
        if self._renewed.seconds > LEASE_S:
            # Between the look and the removal another process may have broken it, and the removed lease was theirs.
            with contextlib.suppress(FileNotFoundError):
                self._new_mark().touch()
        self._mine = None

    def marks(self) -> list[Path]:
        """Signs that another process may still believe to hold it."""
        found = [*self.path.parent.iterdir()]
        for path in found:
            if path.name.startswith(f"{self.path.name}.making-"):
                _remove_if_old(path)
        return [path for path in found if path.name.startswith(f"{self.path.name}.broken-")]

    def _break(self, seen: _Seen) -> None:
        mark = self._new_mark()
        with contextlib.suppress(FileNotFoundError):  # another one was faster
            self.path.rename(mark)
            # Who holds it open, or finds it by a name that its host remembers, reads that it is not theirs.
            mark.write_bytes(b"broken: " + seen.data)

    def _new_mark(self) -> Path:
        return self.path.with_name(f"{self.path.name}.broken-{os.urandom(8).hex()}")


def _look(path: Path) -> _Seen | None:
    try:
        with path.open("rb") as file:  # opened, for over a network that asks the server
            data = file.read()
            return _Seen(data, os.fstat(file.fileno()).st_mtime_ns)
    except FileNotFoundError:
        return None


def _remove_if_old(path: Path) -> None:
    """Remove the file of a killed process."""
    with contextlib.suppress(FileNotFoundError):
        if time.time() - path.stat().st_mtime > MAKING_KEPT_S:
            path.unlink()


def _is_abandoned(path: Path, seen: _Seen) -> bool:
    before, since = _watched.get(path, (None, 0.0))
    if seen != before:
        since = time.monotonic()
        _watched[path] = seen, since
    if time.monotonic() - since > LEASE_S:
        return True
    try:
        return is_gone(_decode_holder(seen.data).process)
    except msgspec.MsgspecError:  # of another version
        return False


_watched: dict[Path, tuple[_Seen, float]] = {}
"""Leases of others as they were last found, and since when they are so."""
