"""From where on two runs go ways of their own (parting.py), of what is stored."""

import asyncio

import numpy as np
from msgspec import structs

from mldash.answers.downsample import ViewRequest
from mldash.answers.kept_points import Floats
from mldash.answers.pixel_columns import Number
from mldash.answers.shapes import Parted
from mldash_api.charts.cells import inside
from mldash_api.charts.dots import numbers_of
from mldash_api.charts.drawing import Points
from mldash_api.charts.grids import each_point, read_grids
from mldash_api.stores.streams import Stores, StreamRef

from .parting import Points as RunPoints
from .parting import apart_of, first_x, meeting, parted_at


async def find_parting(
    stores: Stores, streams: tuple[StreamRef | None, StreamRef | None], request: ViewRequest, together: int
) -> Parted:
    """`request` names one field. Raises AnswerTooLarge, DamagedRange, ServerAway, ReadOvertaken."""
    grids = await read_grids(stores, streams, request)
    one, two = grids.runs
    first, second = streams
    if grids.shape is None or one is None or two is None or first is None or second is None:
        return Parted("no common x")
    (field,) = request.fields or ()
    apart = apart_of(grids.shape, (one.grid.fields[field], two.grid.fields[field]), together)
    if isinstance(apart, Parted):
        return apart

    async def points_in(column: list[Number]) -> tuple[RunPoints, RunPoints]:
        asked = structs.replace(request, start=column[0], end=column[1])
        return await _points_of(stores, first, field, asked), await _points_of(stores, second, field, asked)

    x = None if apart.before is None else meeting(await points_in(apart.before), apart)
    return parted_at(first_x(await points_in(apart.column)) if x is None else x, apart, request)


async def _points_of(stores: Stores, stream: StreamRef, field: str, asked: ViewRequest) -> RunPoints:
    """Of the column that the request is about."""
    found = [await asyncio.to_thread(_numbers, one, field, asked) async for one in each_point(stores, stream, asked)]
    if not found:
        return np.empty(0), np.empty(0)
    return np.concatenate([x for x, _ in found]), np.concatenate([y for _, y in found])


def _numbers(points: Points, field: str, request: ViewRequest) -> tuple[Floats, Floats]:
    numbers = numbers_of(points.part, points.start, points.stop).get(field)
    if numbers is None:
        return np.empty(0), np.empty(0)
    rows, values = numbers
    x = points.x.floats[rows - points.start]
    assert request.end is not None, "of one column"
    there = inside(x, request) & (x < request.end)
    return x[there], values.floats[there]
