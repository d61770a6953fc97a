"""The points that a chart keeps of each pixel column (M4, as downsample.py defines it), by NumPy.

The API takes it from here, and the SDK where NumPy is installed; no other module of the SDK imports NumPy at its top.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .pixel_columns import Number, Span, columns_a_half

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def kept(x: Sequence[Number], y: Sequence[Number], span: Span, columns: int) -> list[int]:
    """Places in `x` and `y` of the points that are kept, in the order of x; of equal x in the order given."""
    if not len(x):
        return []
    at = np.arange(x.start, x.stop, dtype=np.float64) if isinstance(x, range) else np.asarray(x, np.float64)
    values = np.asarray(y)
    order = None
    if (at[1:] < at[:-1]).any():
        order = np.argsort(at, kind="stable")
        at, values = at[order], values[order]
    wanted = kept_in_order(columns_of(at, span, columns), values)
    found: list[int] = (wanted if order is None else order[wanted]).tolist()
    return found


def columns_of(x: Floats, span: Span, columns: int) -> Integers:
    """In which pixel column each x lies; what lies outside of the span is in the nearest."""
    halves = (x / 2 - span.low / 2) * columns_a_half(span, columns)
    found: Integers = np.clip(halves.astype(np.int64), 0, columns - 1)
    return found


def kept_in_order(column: Integers, values: NDArray[Any]) -> NDArray[np.intp]:
    """Places of the points that are kept, of points in order of which each lies in its `column`; at least one."""
    starts = np.concatenate(([0], np.flatnonzero(column[1:] != column[:-1]) + 1))
    counts = np.diff(np.append(starts, len(column)))
    places = [starts, starts + counts - 1]
    for extreme in (np.minimum, np.maximum):
        hits = np.flatnonzero(values == np.repeat(extreme.reduceat(values, starts), counts))
        places.append(hits[np.searchsorted(hits, starts)])
    return np.unique(np.concatenate(places))
