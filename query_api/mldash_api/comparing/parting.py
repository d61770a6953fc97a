"""From where on two runs go ways of their own, by one field of one metric.

On one grid (charts/shape.py) each run has a band in each pixel column, [least, greatest]. The runs have parted at the
first column from which on the bands of `together` columns in turn lie apart, on the same side; columns in which either
run has no number are passed over. The exact x is then looked for among the points of the column before, whose bands
still meet: it is the least x of a point from which on, up to the column's end, what both runs have lies apart on that
side. Where there is none, and where no column with both runs comes before, it is the x of the first point in the column
itself. (By time a summary lies in the column of its middle: of a long run the x may lie half a column off.)

Pure, and without a store: local mode finds the same.
"""

from typing import NamedTuple

import numpy as np

from mldash.answers.downsample import INDEX, ViewRequest
from mldash.answers.kept_points import Floats
from mldash.answers.pixel_columns import Number
from mldash.answers.shapes import Parted
from mldash_api.charts.cells import Cells
from mldash_api.charts.shape import Shape

from .apart import first_apart, last_meeting

Points = tuple[Floats, Floats]
"""x and y of one run's numbers."""


class Apart(NamedTuple):
    """`column`: the edges of the first one in which they are apart, `before`: of the last one before in which both have
    numbers. `bands` by run."""

    above: int
    before: list[Number] | None
    column: list[Number]
    bands: list[list[float]]


def apart_of(shape: Shape, cells: tuple[Cells, Cells], together: int) -> Apart | Parted:
    """By columns; or that they never part, or have no x in common."""
    common = np.flatnonzero((cells[0].count > 0) & (cells[1].count > 0))
    if not len(common):
        return Parted("no common x")
    least, greatest = (np.stack([getattr(run, name)[common] for run in cells]) for name in ("least", "greatest"))
    place = first_apart(least, greatest, together)
    if place is None:
        return Parted("never")
    above, edges = 0 if least[0, place] > greatest[1, place] else 1, shape.edges()
    at = int(common[place])
    before = int(common[place - 1]) if place else None
    return Apart(
        above,
        None if before is None else edges[before : before + 2],
        edges[at : at + 2],
        [[float(least[run, place]), float(greatest[run, place])] for run in (0, 1)],
    )


def meeting(points: tuple[Points, Points], apart: Apart) -> float | None:
    """The exact x among the points of the column before; None: they do not tell."""
    (above_x, above_y), (below_x, below_y) = points[apart.above], points[1 - apart.above]
    return last_meeting(above_x, above_y, below_x, below_y)


def first_x(points: tuple[Points, Points]) -> float | None:
    """Of the column itself."""
    return min((float(x.min()) for x, _ in points if len(x)), default=None)


def parted_at(x: float | None, apart: Apart, request: ViewRequest) -> Parted:
    """The answer."""
    asked = int(x) if x is not None and request.x == INDEX else x
    return Parted("parted", asked, apart.column, apart.above, apart.bands)
