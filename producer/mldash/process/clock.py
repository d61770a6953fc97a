"""Deadlines, and delays that grow. Durations come from the monotonic clock."""

import math
import os
from time import CLOCK_BOOTTIME, clock_gettime, monotonic, time


class Deadline:
    """A moment that several steps share: each takes what is left."""

    def __init__(self, seconds: float) -> None:
        """`math.inf` never comes."""
        self._at = monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds, not below 0."""
        return max(0.0, self._at - monotonic())

    @property
    def passed(self) -> bool:
        return monotonic() >= self._at

    def wait_s(self, most: float) -> float:
        """How long to wait now, at most."""
        return min(most, self.left)


class GrowingDelay:
    """0.1 s, then half as long again each time, up to `most`; a fifth more or less, so that thousands do not meet."""

    def __init__(self, first: float = 0.1, most: float = 10.0) -> None:
        self._first, self._most = first, most
        self.attempts = 0

    def next(self) -> float:
        """The next delay in seconds."""
        grown = self._first * math.pow(1.5, min(self.attempts, 40))
        self.attempts += 1
        return min(grown, self._most) * (0.8 + 0.4 * _chance())

    def reset(self) -> None:
        self.attempts = 0


class Stopwatch:
    """Seconds since a moment, those included in which this process, its machine or its virtual machine stood still: by
    the clock that goes on while a machine sleeps, or the wall clock, whichever says more."""

    def __init__(self) -> None:
        self._boot, self._wall = _since_boot(), time()

    @property
    def seconds(self) -> float:
        return max(_since_boot() - self._boot, time() - self._wall)


def _since_boot() -> float:
    return clock_gettime(CLOCK_BOOTTIME)


def _chance() -> float:
    """In [0, 1). Not by `random`: its generator is the program's, which may have seeded it to be the same at every run,
    and it takes a tenth of the SDK's import."""
    return int.from_bytes(os.urandom(4), "little") / 2**32
