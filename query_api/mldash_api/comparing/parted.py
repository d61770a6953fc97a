"""From where on two runs go ways of their own, by one field of one metric.

On one grid (charts/grid.py) each run has a band in each pixel column, [least, greatest]. The runs have parted at the
first column from which on the bands of `together` columns in turn lie apart, on the same side; columns in which either
run has no number are passed over. The exact x is then looked for among the points of the column before, whose bands
still meet: it is the least x of a point from which on, up to the column's end, what both runs have lies apart on that
side. Where there is none, and where no column with both runs comes before, it is the x of the first point in the column
itself. (By time a summary lies in the column of its middle: of a long run the x may lie half a column off.)
"""

import asyncio
from collections.abc import Sequence

import numpy as np
from msgspec import structs

from mldash.answers.downsample import INDEX, ViewRequest
from mldash.answers.kept_points import Floats
from mldash.answers.pixel_columns import Number
from mldash.answers.shapes import Parted
from mldash_api.charts.cells import inside
from mldash_api.charts.dots import numbers_of
from mldash_api.charts.drawing import Points
from mldash_api.charts.grids import each_point, read_grids
from mldash_api.charts.shape import Shape
from mldash_api.stores.streams import Stores, StreamRef

from .apart import first_apart, last_meeting


async def find_parting(
    stores: Stores, streams: tuple[StreamRef | None, StreamRef | None], request: ViewRequest, together: int
) -> Parted:
    """`request` names one field. Raises AnswerTooLarge, DamagedRange, ServerAway, ReadOvertaken."""
    grids = await read_grids(stores, streams, request)
    one, two = grids.runs
    if grids.shape is None or one is None or two is None:
        return Parted("no common x")
    (field,) = request.fields or ()
    cells = one.grid.fields[field], two.grid.fields[field]
    common = np.flatnonzero((cells[0].count > 0) & (cells[1].count > 0))
    if not len(common):
        return Parted("no common x")
    least, greatest = (np.stack([getattr(run, name)[common] for run in cells]) for name in ("least", "greatest"))
    place = first_apart(least, greatest, together)
    if place is None:
        return Parted("never")
    above = 0 if least[0, place] > greatest[1, place] else 1
    column = _edges_of(grids.shape, int(common[place]))
    before = _edges_of(grids.shape, int(common[place - 1])) if place else None
    there = [stream for stream in streams if stream is not None]
    x = await _exact_x(stores, there, request, (before, column), above)
    bands = [[float(least[run, place]), float(greatest[run, place])] for run in (0, 1)]
    return Parted("parted", x, column, above, bands)


def _edges_of(shape: Shape, column: int) -> list[Number]:
    edges = shape.edges()
    return edges[column : column + 2]


async def _exact_x(
    stores: Stores,
    streams: Sequence[StreamRef],
    request: ViewRequest,
    columns: tuple[list[Number] | None, list[Number]],
    above: int,
) -> Number | None:
    before, column = columns
    if before is not None:
        x, y = await _points_of(stores, streams, request, before)
        if (found := last_meeting(x[above], y[above], x[1 - above], y[1 - above])) is not None:
            return _as_asked(found, request)
    x, _ = await _points_of(stores, streams, request, column)
    firsts = [float(one.min()) for one in x if len(one)]
    return _as_asked(min(firsts), request) if firsts else None


async def _points_of(
    stores: Stores, streams: Sequence[StreamRef], request: ViewRequest, column: list[Number]
) -> tuple[list[Floats], list[Floats]]:
    """x and y of each run's numbers in [column[0], column[1])."""
    (field,) = request.fields or ()
    asked = structs.replace(request, start=column[0], end=column[1])
    xs, ys = list[Floats](), list[Floats]()
    for stream in streams:
        found = [
            await asyncio.to_thread(_numbers, one, field, asked) async for one in each_point(stores, stream, asked)
        ]
        xs.append(np.concatenate([x for x, _ in found]) if found else np.empty(0))
        ys.append(np.concatenate([y for _, y in found]) if found else np.empty(0))
    return xs, ys


def _numbers(points: Points, field: str, request: ViewRequest) -> tuple[Floats, Floats]:
    numbers = numbers_of(points.part, points.start, points.stop).get(field)
    if numbers is None:
        return np.empty(0), np.empty(0)
    rows, values = numbers
    x = points.x.floats[rows - points.start]
    assert request.end is not None, "of one column"
    there = inside(x, request) & (x < request.end)
    return x[there], values.floats[there]


def _as_asked(x: float, request: ViewRequest) -> Number:
    return int(x) if request.x == INDEX else x
