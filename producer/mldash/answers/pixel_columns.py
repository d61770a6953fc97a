"""The pixel columns of a chart: `columns` of one width over the span of what is drawn (downsample.py)."""

import math
from typing import Final, NamedTuple

Number = int | float

KEPT_A_COLUMN: Final = 4
"""At most: first, last, least and greatest."""


class Span(NamedTuple):
    """The least and the greatest x that is drawn."""

    low: Number
    high: Number


def columns_a_half(span: Span, columns: int) -> float:
    """How many columns half a unit of x has. Of halves, for the whole width of a span need not be a float64."""
    half = span.high / 2 - span.low / 2
    scale = columns / half if half else 0.0
    return scale if math.isfinite(scale) else 0.0


def edges(span: Span, columns: int) -> list[Number]:
    """Where the columns begin, and where the last one ends; a span of one place has one column."""
    low, high = float(span.low), float(span.high)
    if low == high:
        return [low, high]
    return [low * (1 - at / columns) + high * (at / columns) for at in range(columns)] + [high]
