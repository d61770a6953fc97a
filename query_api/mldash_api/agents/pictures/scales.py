"""Numbers → places on an axis. Pure.

linear       from the least to the greatest number
logarithmic  where all are positive, and the greatest is a thousand times the least or more
"""

import math
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

_MOST: Final = 4e307
"""Beyond it a distance may be no number: it counts as this."""
_WIDE: Final = 1_000.0
_MOST_TICKS: Final = 6
_STEPS: Final = (1.0, 2.0, 5.0, 10.0)


class Scale(Struct, frozen=True):
    """From `low` to `high`, which differ; of a logarithmic one both are the powers of ten."""

    low: float
    high: float
    is_logarithmic: bool = False

    def place(self, value: float) -> float:
        """From 0 to 1; beyond the ends nearest to it."""
        low, high, at = self.low, self.high, value
        if self.is_logarithmic:
            at = math.log10(value) if value > 0 else low
        return min(1.0, max(0.0, (min(_MOST, max(-_MOST, at)) - low) / (high - low)))

    def ticks(self) -> list[float]:
        """Round numbers, a few."""
        step = _step((self.high - self.low) / _MOST_TICKS)
        if self.is_logarithmic:
            step = max(1.0, math.ceil(step))
        if not math.isfinite(step) or not step:
            return [self.low, self.high]
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        places = [at * step for at in range(first, last + 1)]
        return [10.0**at for at in places] if self.is_logarithmic else places


def scale_of(numbers: Iterable[float], *, may_be_logarithmic: bool = False) -> Scale | None:
    """Over the finite ones; None: there are none."""
    finite = [min(_MOST, max(-_MOST, one)) for one in numbers if math.isfinite(one)]
    if not finite:
        return None
    low, high = min(finite), max(finite)
    if may_be_logarithmic and low > 0 and high / low >= _WIDE:
        return Scale(math.log10(low), math.log10(high), True)
    if low == high:
        room = abs(low) / 2 or 0.5
        return Scale(low - room, high + room)
    return Scale(low, high)


def tick_text(value: float) -> str:
    """Short: a tick is a round number."""
    return f"{value:.6g}"


def _step(least: float) -> float:
    """The next round number from here on."""
    if not least or not math.isfinite(least):
        return 0.0
    power = 10.0 ** math.floor(math.log10(least))
    return next((power * one for one in _STEPS if power * one >= least), power * _STEPS[-1])
