"""Entries of a track at times of one's own: at each the last entry at or before it, held until the next one."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

TIMESTAMP = "timestamp"


def grid(start: float, end: float, rate_hz: float) -> Iterator[float]:
    """start, start + 1 / rate, … as far as `end`, each by itself: errors do not add up."""
    at = 0
    while (time := start + at / rate_hz) <= end:
        yield time
        at += 1


def held(entries: Iterable[Mapping[str, Any]], times: Sequence[float]) -> Iterator[dict[str, Any]]:
    """At each of `times`, rising: the last entry at or before, under that time; nothing before the first entry.

    `entries` are in time order.
    """
    coming = iter(entries)
    last: Mapping[str, Any] | None = None
    following = next(coming, None)
    for time in times:
        while following is not None and following[TIMESTAMP] <= time:
            last, following = following, next(coming, None)
        if last is not None:
            yield {**last, TIMESTAMP: time}
