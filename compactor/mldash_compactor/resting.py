"""Streams that did not go through, and let others go first."""

from collections import OrderedDict
from time import monotonic
from typing import Final

from . import instruments

LONGEST_REST_S: Final = 60.0
_FIRST_REST_S: Final = 0.5
_RESTING: Final = 1_000


class Resting:
    """By stream; each time twice as long as before, until it goes through."""

    def __init__(self) -> None:
        self._until: OrderedDict[bytes, tuple[float, float]] = OrderedDict()  # stream → (until, how long)

    def rest(self, stream: bytes, error: Exception, seconds: float | None = None) -> None:
        """It was stopped by this error; `seconds` where it is said how long."""
        instruments.moves_stopped.labels(type(error).__name__).inc()
        _, before = self._until.pop(stream, (0.0, 0.0))
        if seconds is None:
            seconds = min(max(before * 2, _FIRST_REST_S), LONGEST_REST_S)
        self._until[stream] = (monotonic() + seconds, seconds)
        if len(self._until) > _RESTING:
            self._until.popitem(last=False)

    def went_through(self, stream: bytes) -> None:
        self._until.pop(stream, None)

    def now(self) -> list[bytes]:
        """Those that are not to be taken up yet."""
        now = monotonic()
        return [stream for stream, (until, _) in self._until.items() if until > now]
