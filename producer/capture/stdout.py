"""What the process prints → lines of the log, as they are printed.

sys.stdout and sys.stderr are replaced by objects that hand everything on to what was there, and keep it by the line.
What is printed past them is not seen: by other processes, by C code, by `sys.stdout.buffer`, and by who took hold of
sys.stderr before, as handlers of logging do (capture/logging_handler.py is for these).

A line is recorded before it is handed on: a terminal or pipe that nobody reads may keep the user's own print() waiting,
and never what is recorded. Of what a progress bar draws over and over on one line (\\r) the last state is recorded;
empty lines are not. Lines that the log itself prints (echo.py) go to `uncaptured`, and so are not recorded twice.
"""

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, Final, TextIO

from mldash.producer.callbacks import warn

LONGEST_LINE: Final = 1 << 20
"""Characters; what is longer comes as several lines."""

_NAMES: Final = ("stdout", "stderr")

Take = Callable[[str, str], None]
"""A line without its end, and the name of the stream it was printed to."""


class StdoutCapture:
    """Gives `take` every line that is printed from start() to stop(). Several may be at work at once."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._has_failed = False

    def start(self) -> None:
        """In place of streams that are there; a process without a console has none."""
        for name in _NAMES:
            stream = getattr(sys, name)
            if stream is not None and not isinstance(stream, CapturedStream):
                stream = CapturedStream(stream, name)
                setattr(sys, name, stream)
            if stream is not None:
                stream.takers.append(self.take)

    def stop(self) -> None:
        """What is printed up to here is recorded, also a line that has not ended. Harmless when it is not at work."""
        for name in _NAMES:
            stream = getattr(sys, name)
            if isinstance(stream, CapturedStream) and self.take in stream.takers:
                stream.settle()
                stream.takers.remove(self.take)
                if not stream.takers:
                    setattr(sys, name, stream.uncaptured)

    def take(self, line: str, name: str) -> None:
        """A line that can't be recorded harms no print()."""
        try:
            self._take(line, name)
        except Exception as error:
            if not self._has_failed:
                self._has_failed = True
                warn(f"what is printed is not recorded: {type(error).__name__}: {error}")


class CapturedStream:
    """A text stream that hands everything on to `uncaptured`, and its lines to `takers`."""

    def __init__(self, uncaptured: TextIO, name: str) -> None:
        self.uncaptured = uncaptured
        self.takers: list[Take] = []
        self._name = name
        self._lock = threading.Lock()
        self._begun: dict[int, str] = {}
        """The line that each thread has begun: print() writes a line and its end in two calls."""
        _streams.add(self)

    def write(self, text: str) -> int:
        if isinstance(text, str) and not getattr(_here, "busy", False):
            self._keep(text)
        return self.uncaptured.write(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.uncaptured, name)

    def settle(self) -> None:
        """Lines that have begun, as if they had ended."""
        with self._lock:
            begun, self._begun = self._begun, {}
        for line in begun.values():
            self._give(line)

    def _keep(self, text: str) -> None:
        thread = threading.get_ident()
        with self._lock:
            *ended, begun = (self._begun.pop(thread, "") + text).split("\n")
            drawn_over = begun.rfind("\r", 0, -1)
            begun = begun[drawn_over:] if drawn_over > 0 else begun
            if len(begun) > LONGEST_LINE:
                ended, begun = [*ended, begun], ""
            if begun:
                self._begun[thread] = begun
        for line in ended:
            self._give(line)

    def _give(self, line: str) -> None:
        line = line.rstrip("\r").rpartition("\r")[2]
        if not line.strip():
            return
        # What recording prints itself, a warning or a function of the user's, is not recorded in turn.
        _here.busy = True
        try:
            for start in range(0, len(line), LONGEST_LINE):
                for take in [*self.takers]:
                    take(line[start : start + LONGEST_LINE], self._name)
        finally:
            _here.busy = False

    def after_fork(self) -> None:
        """Another thread may have held the lock; what it had begun is the parent's."""
        self._lock = threading.Lock()
        self._begun = {}


_streams: "weakref.WeakSet[CapturedStream]" = weakref.WeakSet()
_here = threading.local()
"""`busy` in a thread that is recording a line."""


def _tell_all_that_this_is_a_child() -> None:
    for stream in [*_streams]:
        stream.after_fork()


os.register_at_fork(after_in_child=_tell_all_that_this_is_a_child)
