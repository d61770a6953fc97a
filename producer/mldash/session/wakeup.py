"""Signals are noticed though the main thread is in C code: a collective whose peers are gone, a lock, a long copy.

Python runs handlers between two steps of the main thread, and while that waits in C there are none. But the part of the
interpreter that the kernel calls writes the signal's number to a descriptor at once (`signal.set_wakeup_fd`), and a
thread of ours reads it. There is one such descriptor a process:

  one that was set before   an event loop's, is fed on with all that comes, as long as it is the same open file
  one that is set later     takes our place; the handlers serve alone until the next run starts
  a forked child            has the one that was there before ours: its signals are not its parent's

A mask of blocked signals would do as well, but children inherit it: one that was started so ignores terminate().
"""

import contextlib
import functools
import os
import signal
import threading
from collections.abc import Callable
from typing import NamedTuple

from mldash.process import threads
from mldash.process.attempts import Attempts

_READ_BYTES = 512
_TOLD = 0x80
"""Marks what a handler tells: no number of a signal has this bit, and to nobody else is it told."""


class _OpenFile(NamedTuple):
    """A descriptor and what it stands for: its number is given away anew once it is closed."""

    descriptor: int
    device: int
    inode: int


_ours: tuple[int, int] | None = None
"""Both ends of the pipe: that which is read, and that which is written."""
_before: _OpenFile | None = None


def listen(notice: Callable[[bytes], None]) -> None:
    """Call `notice` with the numbers of the signals that come, on a thread of its own. In the main thread; harmless
    where it listens already. Only signals come that have a handler of Python's."""
    global _ours, _before
    if _ours is None:
        ends = os.pipe()
        os.set_blocking(ends[1], False)
        thread = threading.Thread(target=_read, args=(ends[0], notice), name="mldash-signals", daemon=True)
        if not threads.begin(thread):  # the interpreter leaves: handlers serve alone
            os.close(ends[0])
            os.close(ends[1])
            return
        _ours = ends
    before = signal.set_wakeup_fd(_ours[1], warn_on_full_buffer=False)
    if before != _ours[1]:
        _before = _open_file(before)


def tell(number: int) -> None:
    """By a handler: it may be that another one has the descriptor. What is told twice is done once."""
    if _ours is not None:
        with contextlib.suppress(BlockingIOError):  # full: it is being read
            os.write(_ours[1], bytes([number | _TOLD]))


def _read(descriptor: int, notice: Callable[[bytes], None]) -> None:
    attempts = Attempts("noticing a signal")
    while numbers := os.read(descriptor, _READ_BYTES):
        if _before is not None and _is_still_open(_before):
            with contextlib.suppress(OSError):  # full, so that it wakes anyhow; or closed a moment ago
                os.write(_before.descriptor, bytes(number for number in numbers if number < _TOLD))
        come = bytes(number & ~_TOLD for number in numbers)
        attempts.attempt(functools.partial(notice, come))


def _open_file(descriptor: int) -> _OpenFile | None:
    if descriptor < 0:
        return None
    found = os.fstat(descriptor)
    return _OpenFile(descriptor, found.st_dev, found.st_ino)


def _is_still_open(file: _OpenFile) -> bool:
    try:
        return _open_file(file.descriptor) == file
    except OSError:
        return False


def _give_back_in_child() -> None:
    global _ours, _before
    if _ours is None:
        return
    theirs = _before.descriptor if _before is not None and _is_still_open(_before) else -1
    now = signal.set_wakeup_fd(theirs)
    if now != _ours[1]:  # set by somebody since
        signal.set_wakeup_fd(now)
    os.close(_ours[0])
    os.close(_ours[1])
    _ours = _before = None


os.register_at_fork(after_in_child=_give_back_in_child)
