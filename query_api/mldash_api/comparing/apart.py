"""Where the bands of two runs come apart, and where their points last meet. Pure."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from mldash.answers.kept_points import Floats

TOGETHER: Final = 5
"""Columns in turn, where nothing else is asked for: one alone may be noise."""


def first_apart(least: Floats, greatest: Floats, together: int) -> int | None:
    """The first of the columns from which on so many lie apart on one side. Bands by run (2) and column."""
    for_each = (least[0] > greatest[1]), (least[1] > greatest[0])
    places = [place for apart in for_each if (place := _first_run(apart, together)) is not None]
    return min(places, default=None)


def _first_run(holds: NDArray[np.bool_], length: int) -> int | None:
    """Where the first `length` true ones in turn begin."""
    if len(holds) < length:
        return None
    counts = np.cumsum(np.concatenate(([0], holds)))
    found = np.flatnonzero(counts[length:] - counts[:-length] == length)
    return int(found[0]) if len(found) else None


def last_meeting(x_above: Floats, y_above: Floats, x_below: Floats, y_below: Floats) -> float | None:
    """The least x from which on all of the one lies above all of the other; None: from no point on."""
    order_above, order_below = np.argsort(x_above, kind="stable"), np.argsort(x_below, kind="stable")
    x_above, x_below = x_above[order_above], x_below[order_below]
    # What comes from each point on to the end: the least of the upper run, the greatest of the lower one.
    floor = np.minimum.accumulate(y_above[order_above][::-1])[::-1]
    ceiling = np.maximum.accumulate(y_below[order_below][::-1])[::-1]
    every = np.unique(np.concatenate((x_above, x_below)))
    floors = np.append(floor, np.inf)[np.searchsorted(x_above, every)]
    ceilings = np.append(ceiling, -np.inf)[np.searchsorted(x_below, every)]
    apart = np.flatnonzero(~(floors > ceilings))
    begin = int(apart[-1]) + 1 if len(apart) else 0
    return float(every[begin]) if begin < len(every) else None
