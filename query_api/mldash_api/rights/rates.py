"""How many requests a token may make, and how many sign-ins may fail from one address: a bucket of tokens (the
algorithm's) for each, in this process alone.

A bucket holds what is allowed in `burst_s` seconds, and fills at the rate. Each request, each sign-in that failed,
takes one.
"""

from collections.abc import Callable
from time import monotonic
from typing import Final

from mldash_api.errors import ApiError, TooManyRequests

BURST_S: Final = 5.0
_ROUNDED: Final = 1e-9
_LOOKED_THROUGH_FROM: Final = 1_000


class Rates:
    """Of all callers. Those that are full again are forgotten."""

    def __init__(
        self,
        per_s: float,
        clock: Callable[[], float] = monotonic,
        burst_s: float = BURST_S,
        refusal: Callable[[float, float], ApiError] = TooManyRequests,
    ) -> None:
        """`per_s` 0: without a limit. `refusal` is made of the rate and the seconds to wait."""
        self._per_s, self._clock, self._refusal = per_s, clock, refusal
        self._most = max(1.0, per_s * burst_s)
        self._left = dict[str, tuple[float, float]]()
        """Caller → what was left, and when."""
        self._look_at = _LOOKED_THROUGH_FROM

    def take(self, caller: str) -> None:
        """Raises the refusal, which says when the next one is taken."""
        if not self._per_s:
            return
        now = self._clock()
        left = self._now(caller, now)
        if left < 1.0 - _ROUNDED:
            raise self._refusal(self._per_s, (1.0 - left) / self._per_s)
        self._left[caller] = (left - 1.0, now)
        if len(self._left) > self._look_at:
            self._forget(now)

    def give_back(self, caller: str) -> None:
        """What was taken before it was known that it does not count."""
        if self._per_s:
            now = self._clock()
            self._left[caller] = (min(self._most, self._now(caller, now) + 1.0), now)

    def _now(self, caller: str, now: float) -> float:
        left, at = self._left.get(caller, (self._most, now))
        return min(self._most, left + (now - at) * self._per_s)

    def _forget(self, now: float) -> None:
        self._left = {one: held for one, held in self._left.items() if self._now(one, now) < self._most}
        self._look_at = max(_LOOKED_THROUGH_FROM, 2 * len(self._left))
