"""How long the oldest event of a journal has waited to be acknowledged, and the callbacks that tell of it.

The journal's frames have no common clock, and log() is to cost what it costs. So its end is looked at now and then:
what lay before an end that was seen is at least as old as that look.
"""

from __future__ import annotations

import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from mldash.process import threads
from mldash.process.attempts import Attempts
from mldash.process.locks import Flag

if TYPE_CHECKING:
    from mldash.callbacks import Callbacks
    from mldash.delivery.delivery import Delivery
    from mldash.journal.checkpoint import Place

LAG_AFTER_S = 60.0
"""From so many seconds on it is told, and again after as many more."""
LOOK_S = 5.0


class Lag:
    """What the looks say; no clock and no thread of its own."""

    def __init__(self) -> None:
        self._ends: deque[tuple[float, Place]] = deque()
        self._told_at: float | None = None

    def look(self, now: float, acknowledged: Place, end: Place) -> float:
        """Seconds that the oldest event that is not acknowledged has waited, at least."""
        while self._ends and self._ends[0][1] <= acknowledged:
            self._ends.popleft()
        if end > acknowledged and (not self._ends or self._ends[-1][1] < end):
            self._ends.append((now, end))
        return now - self._ends[0][0] if self._ends else 0.0

    def is_news(self, now: float, lag: float) -> bool:
        """Whether the lag is to be told now."""
        if lag < LAG_AFTER_S or (self._told_at is not None and now - self._told_at < LAG_AFTER_S):
            return False
        self._told_at = now
        return True

    def is_over(self, lag: float) -> bool:
        """Whether a lag that was told is over; once."""
        if self._told_at is None or lag >= LAG_AFTER_S:
            return False
        self._told_at = None
        return True


class LagWatch:
    """Looks at one delivery every few seconds, on a thread of its own: the delivery's may be what hangs."""

    def __init__(self, delivery: Delivery, callbacks: Callbacks) -> None:
        self._delivery, self._callbacks = delivery, callbacks
        self._stopping = Flag()
        self._thread = threading.Thread(target=self._run, name="mldash-lag", daemon=True)

    def start(self) -> None:
        threads.begin(self._thread)

    def stop(self) -> None:
        """It ends by itself; nothing waits for it, for it may be in a function of the user's."""
        self._stopping.set()

    def _run(self) -> None:
        lag, attempts = Lag(), Attempts("a look at what is not delivered yet")
        while not self._stopping.wait(LOOK_S):
            attempts.attempt(lambda: self._look(lag))

    def _look(self, lag: Lag) -> None:
        now = monotonic()
        seconds = lag.look(now, self._delivery.barrier.place, self._delivery.journal.end())
        if lag.is_news(now, seconds):
            self._callbacks.lagging(seconds, self._delivery.unsent_bytes())
        elif lag.is_over(seconds):
            self._callbacks.delivered()
