"""How far what is stored lags behind what was logged, from looks at both counts again and again. No I/O."""

from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct


class Look(Struct, frozen=True):
    """Both counts at a time, in points; `records` that Kafka holds and that are not stored."""

    at_s: float
    logged: int
    stored: int
    records: int


def lags_s(looks: Sequence[Look]) -> list[float]:
    """At each look: for how long the oldest point that is not stored has been logged."""
    found = list[float]()
    turn = 0
    for look in looks:
        while turn + 1 < len(looks) and looks[turn + 1].logged <= look.stored:
            turn += 1
        if look.logged <= look.stored:
            found.append(0.0)
            continue
        here = looks[turn]
        after = looks[min(turn + 1, len(looks) - 1)]
        share = (look.stored - here.logged) / (after.logged - here.logged) if after.logged > here.logged else 0.0
        logged_at = here.at_s + max(0.0, share) * (after.at_s - here.at_s)
        found.append(max(0.0, look.at_s - logged_at))
    return found


def rates(looks: Sequence[Look], window_s: float) -> list[float]:
    """Points stored a second, in each whole window."""
    marks = [looks[0]]
    for look in looks:
        if look.at_s - marks[-1].at_s >= window_s:
            marks.append(look)
    return [(b.stored - a.stored) / (b.at_s - a.at_s) for a, b in pairwise(marks)]


def until_shown(logged_at: Sequence[float], shown: Sequence[tuple[int, float]]) -> list[float]:
    """Of each point, from when it was logged until the first picture that is made of as many points or more.

    `shown`: of how many points each picture is, and when it was there. Raises ValueError where a point never was.
    """
    return [min(at for count, at in shown if count >= number) - logged for number, logged in enumerate(logged_at, 1)]
