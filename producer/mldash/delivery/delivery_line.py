"""A line on stderr for the user while a run's end, or the process's, takes time, from the second second on; and the
message about events that are left then.

On a terminal it is one line that is written over; elsewhere (a batch job's log) a line now and then.
"""

import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

_AFTER_S = 1.0
EVERY_S = 0.5
_EVERY_IN_A_LOG_S = 15.0


def undelivered(prefix: str, left_bytes: int, waited_s: float, problem: str | None, folder: Path) -> str:
    """How much is left, why, where it is and how it is sent."""
    why = f" ({problem})" if problem else ""
    left = what_is_left(left_bytes, f"events of {prefix}")
    return f"{left} after {waited_s:.3g} s{why}. {who_sends_it(folder)}"


def what_is_left(left_bytes: int, events: str) -> str:
    """Without bytes: local mode's metadata.json, or the last word of a session to Kafka."""
    if left_bytes:
        return f"{left_bytes} bytes of {events} are not delivered"
    return f"the {events} are delivered, but what is written at their end is not"


def who_sends_it(folder: Path) -> str:
    return f"The next run on this host sends them, or `mldash sync {shlex.quote(str(folder))}`"


class DeliveryLine:
    """Call `tell` again and again while something is waited for, and `end` when that is over."""

    def __init__(
        self,
        unsent_bytes: Callable[[], int],
        limit_s: float,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._unsent_bytes, self._limit_s, self._clock = unsent_bytes, limit_s, clock
        self._stream = stream
        self._begun = clock()
        self._next = self._begun + _AFTER_S
        self._open = False
        """A line of ours stands there without its end."""

    def tell(self) -> None:
        """Say how much is left, where it is time to. Never raises, so that an exit can't fail for it."""
        now = self._clock()
        if now < self._next:
            return
        stream = self._stream or sys.stderr
        try:
            terminal = stream.isatty()
            left, waited = self._unsent_bytes(), now - self._begun
            line = f"mldash: delivering {left / 1e6:.1f} MB of events, {waited:.0f} s of at most {self._limit_s:.0f} s"
            stream.write(f"\r{line} (Ctrl-C leaves them in the journal)" if terminal else f"{line}\n")
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed or missing
            self._next = float("inf")
            return
        self._open = terminal
        self._next = now + (EVERY_S if terminal else _EVERY_IN_A_LOG_S)

    def end(self) -> None:
        """Ends the line, so that later output begins on its own."""
        if self._open:
            self._open = False
            (self._stream or sys.stderr).write("\n")
