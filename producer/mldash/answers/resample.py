"""Entries of a track at times of one's own: at each the last entry at or before it, held until the next one."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isinf
from typing import Any

from .limits import MOST_ENTRIES

TIMESTAMP = "timestamp"

TOO_MANY = "more entries than one answer holds: give start and end, or a lower rate"


def grid(start: float, end: float, rate_hz: float) -> Iterator[float]:
    """start, start + 1 / rate, … as far as `end`, each by itself: errors do not add up. A finite rate, of which
    (end - start) · rate is bounded: at a great one a step may be too small to move a time at all."""
    if end < start:
        return
    for at in range(int((end - start) * rate_hz) + 2):
        if (time := start + at / rate_hz) > end:
            return
        yield time


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


def resampled(
    entries: Sequence[Mapping[str, Any]], rate_hz: float, start: float | None, end: float | None
) -> list[dict[str, Any]]:
    """At start, start + 1 / rate, … as far as `end`; left out they are the first entry's and the last one's times.

    Raises ValueError for more than MOST_ENTRIES, and for a rate that is not finite.
    """
    if not entries:
        return []
    first = entries[0][TIMESTAMP] if start is None else start
    last = entries[-1][TIMESTAMP] if end is None else end
    if isinf(rate_hz) or (last - first) * rate_hz >= MOST_ENTRIES:
        raise ValueError(TOO_MANY)
    return list(held(entries, list(grid(first, last, rate_hz))))


def entries_at(entries: Sequence[Mapping[str, Any]], times: Sequence[float]) -> list[dict[str, Any] | None]:
    """At each time, in the order given, the last entry at or before; None before the first one."""
    stamps = [entry[TIMESTAMP] for entry in entries]
    found = [bisect_right(stamps, time) for time in times]
    return [dict(entries[at - 1]) if at else None for at in found]
