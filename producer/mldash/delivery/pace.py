"""When a delivery has its next turn: at once where somebody waits, else as late as the budget of background work asks.

A turn takes all that the journal holds when it begins, in as many rounds as that has. Between the beginnings of two
turns lie at least (what the first one has cost) / share seconds, so that turns take their share of one core and no
more; but never more than `most_s`, so that what is logged is not held back for longer. From there on the cost grows
with the bytes that must move, and only with them. After a pause the time is over, so the first event goes out as soon
as it is seen. Who waits (a flush, a read, an end, a full segment) has a turn at once, and its cost counts as any other.

Where somebody listens to the experiment, turns follow each other sooner: a budget of its own, LISTENED_SHARE of a core.

A look at the journal that finds nothing to do is not charged: were it, each would put off the turn that it looks for.
"""

from msgspec import Struct

IDLE_POLL_S = 0.05
"""log() wakes no thread, so that it stays cheap: whoever delivers looks at the journal's end, so often in a pause."""

LINGER_MAX_S = 0.5
"""Pace.most_s where nobody says otherwise."""

LISTENED_SHARE = 0.05
"""Of one core, where somebody listens."""

LISTENED_LEAST_S, LISTENED_MOST_S = 0.02, 0.06
"""Bounds of the time between two turns then."""

_LEAST_REST_S = 0.002
_STILL_ACTIVE_S = 1.0


class Pace(Struct):
    """Of one delivery's turns. Clocks are the caller's: `now` is monotonic, `cpu_s` what its threads have computed."""

    share: float
    """Of one core."""
    most_s: float
    fixed_s: float | None = None
    """Between two turns, whatever they cost; the share counts for nothing then."""
    is_listened: bool = False
    """Whether somebody listens to what is delivered; any thread may say so."""
    _begun: float | None = None
    _cost_s: float = 0.0
    _cpu_s: float = 0.0
    """Up to where it is charged, or forgotten. A turn's cost begins before it does, for to be woken costs too."""

    def begin(self, now: float) -> None:
        """A turn begins."""
        self._begun, self._cost_s = now, 0.0

    def spend(self, cpu_s: float) -> None:
        """The turn, or what became of it, has computed up to here."""
        self._cost_s += max(0.0, cpu_s - self._cpu_s)
        self._cpu_s = cpu_s

    def is_due(self, now: float) -> bool:
        """Whether the next turn may begin, where nobody waits for it."""
        return self._left(now) <= 0

    def forget(self, cpu_s: float) -> None:
        """What was computed since was a look that found nothing: nobody is charged."""
        self._cpu_s = cpu_s

    def rest_s(self, now: float) -> float:
        """Seconds until the next look at the journal is of use."""
        left = self._left(now)
        if left > 0:
            return max(left, _LEAST_REST_S)
        looks_s = LISTENED_LEAST_S if self.is_listened and self.fixed_s is None else self.fixed_s
        if looks_s is not None and self._begun is not None and now - self._begun < _STILL_ACTIVE_S:
            return min(max(looks_s, _LEAST_REST_S), IDLE_POLL_S)
        return IDLE_POLL_S

    def _left(self, now: float) -> float:
        """Seconds until the next turn may begin."""
        if self._begun is None:
            return 0.0
        return self._begun + self._distance_s() - now

    def _distance_s(self) -> float:
        """Between the beginnings of this turn and of the next."""
        if self.fixed_s is not None:
            return self.fixed_s
        usual = min(self.most_s, self._cost_s / self.share)
        if not self.is_listened:
            return usual
        return min(usual, LISTENED_MOST_S, max(LISTENED_LEAST_S, self._cost_s / LISTENED_SHARE))
