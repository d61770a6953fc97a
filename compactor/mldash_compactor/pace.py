"""How many chunks may be in flight, so that a backlog is worked off without holding ingest up.

Workers and compactors share MongoDB, and a compactor with much to do could keep it busy for minutes. A worker feels
this in the time of a small acknowledged write. An intent is such a write, so the compactor watches its own. Where
intents take several times as long as they do when it is calm, fewer chunks move at once, down to one; otherwise slowly
more. One chunk always moves: hot data must stay bounded whatever happens.
"""

from typing import Final

_CALM_FACTOR: Final = 3.0
_CALM_S: Final = 0.02
"""An intent that takes at most this long is calm on any machine."""

_FORGET: Final = 1.02
"""The calm time may grow by so much with each intent: a server that has become slower for good is the new measure."""

_LESS: Final = 0.7
_MORE: Final = 0.25


class Pace:
    """`seen` is told how long each intent took; `limit` is how many chunks may go at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._limit = float(most)
        self._calm_s = float("inf")

    @property
    def limit(self) -> int:
        return int(self._limit)

    def seen(self, intent_s: float) -> None:
        """One intent's time, in seconds."""
        self._calm_s = min(self._calm_s * _FORGET, intent_s)
        if intent_s > max(_CALM_S, self._calm_s * _CALM_FACTOR):
            self._limit = max(1.0, self._limit * _LESS)
        else:
            self._limit = min(float(self._most), self._limit + _MORE)
