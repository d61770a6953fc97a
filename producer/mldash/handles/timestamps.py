"""`_ts`: the user's own time of a point or an entry, and what stands in for it.

a number          seconds since the epoch, kept as it is
a datetime        or a date or a datetime64: the same moment in seconds (moments.py)
-1, the integer   the last timestamp that this thread used in any metric or track of the experiment; none yet: now
none              now; for tracks unique and rising in the process, so that two entries never merge by accident
"""

import math
import threading
from time import time
from typing import Any

from mldash.events.moments import seconds_of
from mldash.process.locks import reentrant_lock

from .values import UnsupportedValue, plain

_LAST = -1

_STEP = 1e-6
"""Between two entries that would have one time: more than a float64 of today's seconds resolves."""


class ThreadTime(threading.local):
    """The last timestamp of each thread; `last` is None where it has used none."""

    last: float | None = None


class Timestamps:
    """Those of one experiment in this process, over all its metrics and tracks."""

    __slots__ = ("_latest", "_lock", "thread")

    def __init__(self) -> None:
        self.thread = ThreadTime()
        self._lock = reentrant_lock()
        self._latest = -math.inf

    def rising(self) -> float:
        """Now, or a little more: later than all that this gave before."""
        now = time()
        with self._lock:
            self._latest = now if now > self._latest else self._latest + _STEP
            return self._latest

    def given(self, value: Any, now: float) -> int | float:
        """A `_ts` of one metric point. Raises ValueError for NaN, and for anything but a number."""
        number = _number(value)
        if number != number:
            raise ValueError("_ts must be numeric, not NaN")
        if type(number) is int and number == _LAST:
            return now if self.thread.last is None else self.thread.last
        return number

    def given_of_entry(self, value: Any) -> float:
        """A `_ts` of one track entry. Raises ValueError for anything but a finite number."""
        number = _number(value)
        if type(number) is int and number == _LAST:
            number = self.rising() if self.thread.last is None else self.thread.last
        if not math.isfinite(number):
            raise ValueError(f"_ts must be numeric and finite, not {number}")
        return float(number)


def _number(value: Any) -> int | float:
    if type(value) is float:
        return value
    try:
        seconds = seconds_of(value)
        number = plain(value, "_ts") if seconds is None else seconds
    except (UnsupportedValue, ValueError):
        number = None
    if type(number) is int or type(number) is float:
        return number
    raise ValueError(
        f"_ts must be numeric (seconds since the epoch) or a time, not {type(value).__name__} {value!r:.80}"
    )
