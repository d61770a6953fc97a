"""Many runs on one grid, hot and cold as one (grid.py, planning.py). Its cost grows with the screen, not with the runs.

First the grid is found: the x that there is of all runs in what was asked for. Then each run is read into it, side by
side. What comes between the two lies behind the grid and is left out. How far each run goes is looked up once, for all
of them together; where one has moved since, it is looked at anew by itself.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple, TypeVar

from msgspec import structs

from mldash.answers.downsample import INDEX, TIME, ViewRequest
from mldash.answers.pixel_columns import Span
from mldash_api.errors import AnswerTooLarge
from mldash_api.limits import MOST_GRID_CELLS
from mldash_api.points.points import Range, read_range
from mldash_api.seam.attempts import Moved, settled
from mldash_api.seam.chain_ends import Reach, reaches_of
from mldash_api.seam.cold import all_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_ingest.documents.mongo import Session

from .derived import NOTHING_DERIVED, Derived, derive, hide
from .drawing import Blocks, Points
from .grid import Grid
from .planning import (
    Bounds,
    Plan,
    bounds_of,
    drawn_points,
    find_bounds,
    find_span,
    plan_of_points,
    plan_with_summaries,
    read_planned,
    x_fields,
)
from .room import Room
from .shape import Shape, even_shape, whole_shape
from .summaries import NotSummarised

_Answer = TypeVar("_Answer")


class Gridded(NamedTuple):
    """One run on the grid. `sampled`: points were left out, for there are too many to look at each."""

    grid: Grid
    sampled: bool


class Grids(NamedTuple):
    """`shape` is None where no run has a point; then each of `runs` is None, as those are that have none."""

    shape: Shape | None
    runs: list[Gridded | None]


async def read_grids(
    stores: Stores, streams: Sequence[StreamRef | None], request: ViewRequest, derived: Derived = NOTHING_DERIVED
) -> Grids:
    """Of one metric of many experiments; None: of one that is not there. One that comes more than once is read once.
    `derived`: of fields that the request names.

    Raises AnswerTooLarge, DamagedRange, ServerAway, ReadOvertaken.
    """
    shown = [stream.id for stream in streams if stream is not None]
    there = list({stream.id: stream for stream in streams if stream is not None}.values())
    reaches = await reaches_of(stores.mongo, there) if there else {}
    slots = asyncio.Semaphore(stores.settings.chunk_fetches)

    async def span(stream: StreamRef) -> Span | None:
        async with slots:
            return await _span_of(stores, stream, request, reaches.get(stream.id))

    spans = await all_of([span(stream) for stream in there])
    shape = _shape_of([one for one in spans if one is not None], request)
    if shape is None:
        return Grids(None, [None] * len(streams))
    asked = structs.replace(
        request,
        columns=shape.columns,
        start=_inner(shape, request.start, low=True),
        end=_inner(shape, request.end, low=False),
    )
    check_cells(asked, derived, len(shown))
    on = _On(shape, Room(MOST_GRID_CELLS, shown), derived, derived.of_columns)

    async def one(stream: StreamRef) -> Gridded:
        async with slots:
            return await _read_grid(stores, stream, asked, on, reaches.get(stream.id))

    found = dict(zip([stream.id for stream in there], await all_of([one(stream) for stream in there]), strict=True))
    for gridded in found.values():
        hide(gridded.grid, derived)
    return Grids(shape, [None if stream is None else found[stream.id] for stream in streams])


def check_cells(asked: ViewRequest, derived: Derived, runs: int) -> None:
    """Before any of them is made. Fields that nobody named count as they come (Room). Raises AnswerTooLarge."""
    if asked.fields is None:
        return
    count = (len(set(asked.fields)) + len(derived.expressions)) * asked.columns * runs
    if count > MOST_GRID_CELLS:
        raise AnswerTooLarge(count, MOST_GRID_CELLS, "ask for fewer experiments or `fields`, or set `points` lower")


class _On(NamedTuple):
    """What each run is read on, and how many cells all of them may have. `of_columns`: as `derived` says, once for all
    runs, for it goes through each expression many times."""

    shape: Shape
    room: Room
    derived: Derived
    of_columns: bool


def _inner(shape: Shape, bound: float | None, *, low: bool) -> float:
    """Where nothing was asked for, the grid itself bounds what is read."""
    if bound is not None:
        return bound
    return shape.span.low if low else shape.span.high


def _shape_of(spans: Sequence[Span], request: ViewRequest) -> Shape | None:
    if not spans:
        return None
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    if request.x == INDEX:
        return whole_shape(int(low), int(high) + 1, request.columns)
    return even_shape(Span(low, high), request.columns)


async def _span_of(stores: Stores, stream: StreamRef, request: ViewRequest, reach: Reach | None) -> Span | None:
    """The x that there is; of blocks by time theirs."""
    if request.x == INDEX:
        bounds = bounds_of(reach, request)
        return Span(bounds.first, bounds.end - 1) if bounds.first < bounds.end else None

    async def read(bounds: Bounds) -> Span | None:
        if request.x == TIME and not request.filters:
            plan = await plan_with_summaries(stores, stream, request, bounds)
        else:
            plan = await plan_of_points(stores, stream, request, bounds)
        return await find_span(stores, stream, request, plan.pieces(), plan.span)

    return await _read_by(stores, stream, request, reach, read)


async def _read_grid(stores: Stores, stream: StreamRef, request: ViewRequest, on: _On, reach: Reach | None) -> Gridded:
    async def summarised(bounds: Bounds) -> Gridded:
        plan = await plan_with_summaries(stores, stream, request, bounds, on.shape.grain)
        found = await _fill(stores, stream, request, plan, on, Grid(on.shape, request))
        if on.derived.expressions:
            on.room.take(stream.id, found.grid.held + len(on.derived.expressions) * on.shape.columns)
            if not await asyncio.to_thread(derive, found.grid, on.derived):
                raise NotSummarised
        return found

    async def by_points(bounds: Bounds) -> Gridded:
        plan = await plan_of_points(stores, stream, request, bounds)
        return await _fill(stores, stream, request, plan, on, Grid(on.shape, request, on.derived.expressions))

    if request.x in (INDEX, TIME) and not request.filters and on.of_columns:
        try:
            return await _read_by(stores, stream, request, reach, summarised)
        except NotSummarised:
            pass
    return await _read_by(stores, stream, request, reach, by_points)


async def _read_by(
    stores: Stores,
    stream: StreamRef,
    request: ViewRequest,
    reach: Reach | None,
    read: Callable[[Bounds], Awaitable[_Answer]],
) -> _Answer:
    """By what was looked up of all runs; where this one has moved since, by a look of its own at each attempt."""
    try:
        return await read(bounds_of(reach, request))
    except Moved:

        async def anew(session: Session) -> _Answer:
            return await read(await find_bounds(stores, session, stream, request))

        return await settled(stores.mongo, stream, anew)


async def each_point(stores: Stores, stream: StreamRef, request: ViewRequest) -> AsyncIterator[Points]:
    """What there is in what was asked for, without summaries, piece by piece; of very many points parts."""

    async def planned(session: Session) -> Plan:
        return await plan_of_points(stores, stream, request, await find_bounds(stores, session, stream, request))

    plan = await settled(stores.mongo, stream, planned)
    wanted = None if request.fields is None else [*request.fields, *x_fields(request)]
    for first, count in plan.pieces():
        for points in drawn_points(await read_range(stores, stream, first, count, wanted), request):
            yield points


async def _fill(stores: Stores, stream: StreamRef, request: ViewRequest, plan: Plan, on: _On, grid: Grid) -> Gridded:
    room = on.room
    room.take(stream.id, grid.held)
    blocks, _ = await read_planned(stores, stream, request, plan)
    if blocks:
        await asyncio.to_thread(_add_blocks, grid, blocks, stream.id, room)
    wanted = None if request.fields is None else [*request.fields, *x_fields(request)]
    behind = 0
    for first, count in plan.pieces():
        if first != behind:
            grid.gap()
        behind = first + count
        found = await read_range(stores, stream, first, count, wanted)
        await asyncio.to_thread(_add_points, grid, found, request)
        room.take(stream.id, grid.held)
    return Gridded(grid, plan.sampled)


def _add_blocks(grid: Grid, blocks: Sequence[Blocks], stream: bytes, room: Room) -> None:
    for one in blocks:
        grid.add_blocks(one)
        room.take(stream, grid.held)


def _add_points(grid: Grid, found: Range, request: ViewRequest) -> None:
    for points in drawn_points(found, request):
        grid.add_points(points)
