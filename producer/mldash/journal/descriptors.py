"""Descriptors that a forked child must not keep: with them it would hold its parent's locks, and its files open.

A number that this process has closed may be another file's a moment later, the user's too. So it is forgotten before
it is closed; and no fork falls between the opening of a file and the note of its number, nor between the forgetting and
the closing: forks wait for the few microseconds that these take. What a child finds noted is what it has.
"""

import contextlib
import os
from pathlib import Path

from mldash.process.locks import reentrant_lock

_open: "dict[int, Descriptor]" = {}
_no_fork = reentrant_lock()


class Descriptor:
    """An open file of this process; closed in a forked child as soon as there is one."""

    def __init__(self, path: Path, flags: int, mode: int = 0o777) -> None:
        """Raises OSError."""
        self._pid = os.getpid()
        with _no_fork:
            number = os.open(path, flags | os.O_CLOEXEC, mode)
            status = os.fstat(number)
            self._file = status.st_dev, status.st_ino
            self._number: int | None = number
            _open[number] = self  # last: a handler that forks within this leaves the child a copy, and no half object

    @property
    def number(self) -> int:
        """Raises ValueError once it is closed."""
        if self._number is None:
            raise ValueError("it is closed")
        return self._number

    @property
    def is_mine(self) -> bool:
        """Whether it is open, and was opened by this process."""
        return self._number is not None and self._pid == os.getpid()

    def close(self) -> None:
        """Harmless when it is closed."""
        number = self._number
        if number is None:
            return
        if os.getpid() != self._pid:
            self._close_in_child()
            return
        with _no_fork:
            self._number = None
            if _open.pop(number, None) is self:
                os.close(number)

    def _close_in_child(self) -> None:
        """Its copy of it. A child that was not made by Python's fork has no hook, and may have used the number anew."""
        number, self._number = self._number, None
        if number is not None:
            _open.pop(number, None)
            with contextlib.suppress(OSError):
                status = os.fstat(number)
                if (status.st_dev, status.st_ino) == self._file:
                    os.close(number)


def _hold_back_forks() -> None:
    _no_fork.acquire()


def _let_forks_go_on() -> None:
    """Where the fork began while another thread imported this module, it was not held back: Python runs the hooks that
    were there as a fork begins, and after it all that are there by then."""
    if _no_fork._is_owned():
        _no_fork.release()


def _close_in_child() -> None:
    _let_forks_go_on()
    for descriptor in list(_open.values()):
        descriptor._close_in_child()


os.register_at_fork(before=_hold_back_forks, after_in_parent=_let_forks_go_on, after_in_child=_close_in_child)
