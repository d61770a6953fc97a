"""The process's printed text → lines of the log, as they are printed.

sys.stdout and sys.stderr are replaced by objects that hand everything on to what was there, and keep it by the line.
What is printed past them is not seen: by other processes, by C code, by `sys.stdout.buffer`, and by who took hold of
sys.stderr before, as handlers of logging do (handles/logging_handler.py is for these).

A line is recorded before it is handed on: a terminal or pipe without a reader may keep the user's own print() waiting,
and never what is recorded. Of what a progress bar draws over and over on one line (\\r) the last state is recorded;
empty lines are not. Lines that the log itself prints (echo.py) go to `uncaptured`, and so are not recorded twice.

Others replace sys.stdout too, and put back what they found in an order of their own. One of ours that lies below
another's when its capture stops hands everything on, and takes itself away when it is on top again and written to.

A handler that prints while a line of the same thread is being recorded prints, and that is not recorded.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any, Final, TextIO

from mldash.callbacks import warn
from mldash.process.locks import Registry

from .echo import is_echo

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
        self._streams: list[CapturedStream] = []

    def start(self) -> None:
        """In place of streams that are there; a process without a console has none."""
        for name in _NAMES:
            stream = getattr(sys, name)
            if stream is None:
                continue
            captured = stream if isinstance(stream, CapturedStream) else CapturedStream(stream, name)
            self._streams.append(captured)
            captured.takers.append(self.take)
            if captured is not stream:
                setattr(sys, name, captured)

    def stop(self) -> None:
        """What is printed up to here is recorded, also a line that has not ended. Harmless when it is not at work."""
        while self._streams:
            stream = self._streams.pop()
            if self.take in stream.takers:
                stream.settle()
                stream.takers.remove(self.take)
            stream.give_back()

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
        self._begun: dict[int, list[str]] = {}
        """The line that each thread has begun: print() writes a line and its end in two calls. Without a lock, which a
        handler that prints would wait for: no thread touches another's but by taking all, in one step."""
        _streams.add(self)

    def write(self, text: str) -> int:
        if not self.takers:
            self.give_back()
        elif isinstance(text, str) and not _here.busy and not is_echo():
            self._keep(text)
        return self.uncaptured.write(text)

    def give_back(self) -> None:
        """Put the stream below back, where this one has no takers any more and is on top."""
        if not self.takers and getattr(sys, self._name) is self:
            setattr(sys, self._name, self.uncaptured)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.uncaptured, name)

    def settle(self) -> None:
        """Lines that have begun, as if they had ended."""
        begun, self._begun = self._begun, {}
        for parts in begun.values():
            self._give("".join(parts))

    def _keep(self, text: str) -> None:
        thread = threading.get_ident()
        *ended, begun = ("".join(self._begun.pop(thread, ())) + text).split("\n")
        drawn_over = begun.rfind("\r", 0, -1)
        begun = begun[drawn_over:] if drawn_over > 0 else begun
        if len(begun) > LONGEST_LINE:
            ended, begun = [*ended, begun], ""
        if begun:
            self._begun.setdefault(thread, []).insert(0, begun)  # a handler may have begun a line meanwhile
        for line in ended:
            self._give(line)

    def _give(self, line: str) -> None:
        line = line.rstrip("\r").rpartition("\r")[2]
        if not line.strip():
            return
        # What recording prints itself, a warning or a function of the user's, is not recorded in turn.
        try:
            _here.busy = True
            for start in range(0, len(line), LONGEST_LINE):
                for take in [*self.takers]:
                    take(line[start : start + LONGEST_LINE], self._name)
        finally:
            _here.busy = False

    def after_fork(self) -> None:
        """Lines that threads had begun belong to the parent."""
        self._begun = {}


class _Here(threading.local):
    busy = False
    """In a thread that is recording a line."""


_streams: Registry[CapturedStream] = Registry()
_here = _Here()


def _tell_all_that_this_is_a_child() -> None:
    for stream in _streams:
        stream.after_fork()


os.register_at_fork(after_in_child=_tell_all_that_this_is_a_child)
