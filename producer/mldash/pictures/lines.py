"""The lines that the points of a view make. A line through them covers the same pixels as one through all points that
the metric has (answers/downsample.py); where there was no number it is broken, and never drawn across.

    all indices are here      a break where indices are missing
    points were left out      a break where a pixel column has no number; a shorter gap cannot be seen
    x is no index             nothing says where points without a number were: if there are any, no point is joined
    a sparse field            one that only some points have, again and again: its points are joined over these gaps
    an infinity               a break, and a mark of its own
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from mldash.answers.downsample import INDEX, kept
from mldash.answers.pixel_columns import KEPT_A_COLUMN, Number, Span, edges
from mldash.answers.shapes import MetricView, ViewSeries

_TURNS: Final = 3
"""A sparse field has so many gaps at least; fewer are stretches of NaN."""
Point = tuple[Number, Number]


class Lines(Struct, frozen=True):
    """`stretches`: the points of each unbroken line, in the order of x. `above`, `below`: the x of infinities."""

    stretches: list[list[Point]]
    above: list[Number]
    below: list[Number]

    @property
    def range(self) -> tuple[Number, Number] | None:
        """The least and the greatest y; None: there is no finite one."""
        values = [y for stretch in self.stretches for _, y in stretch]
        return (min(values), max(values)) if values else None


def lines_of(view: MetricView, field: str, most_columns: int) -> Lines:
    """Of one field; thinned out to so many pixel columns."""
    span = Span(view["start"] or 0, view["end"] or 0)
    series, bounds = view["fields"][field], view["edges"]
    breaks = _breaks(series["x"], bounds, view)
    if len(series["x"]) > KEPT_A_COLUMN * most_columns:
        series, bounds = _thinned(series, span, most_columns), edges(span, most_columns)
        breaks = _breaks(series["x"], bounds, view)
    made = Lines([], [], [])
    joined = False
    for at, (x, y) in enumerate(zip(series["x"], series["y"], strict=True)):
        if not math.isfinite(y):
            (made.above if y > 0 else made.below).append(x)
            joined = False
            continue
        if not joined or at in breaks:
            made.stretches.append([])
        made.stretches[-1].append((x, y))
        joined = True
    return made


def _thinned(series: ViewSeries, span: Span, columns: int) -> ViewSeries:
    places = kept(series["x"], series["y"], span, columns)
    return {"x": [series["x"][at] for at in places], "y": [series["y"][at] for at in places]}


def _breaks(x: Sequence[Number], bounds: Sequence[Number], view: MetricView) -> set[int]:
    """The points that are not joined with the one before."""
    if bounds:
        return _gaps([bisect_right(bounds, one) for one in x])
    if view["x"] == INDEX:
        return _gaps([int(one) for one in x])
    return set() if len(x) == view["totalPoints"] else set(range(len(x)))


def _gaps(places: Sequence[int]) -> set[int]:
    """Where places are left out, of a field that is not sparse."""
    found = {at for at in range(1, len(places)) if places[at] - places[at - 1] > 1}
    full = len(set(places))
    empty = places[-1] - places[0] + 1 - full if places else 0
    return set() if empty > full and len(found) >= _TURNS else found
