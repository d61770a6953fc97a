"""The view of a metric, hot and cold as one: its cost grows with the screen, not with the stream (planning.py)."""

import asyncio
from collections.abc import Sequence
from typing import Final

from mldash.answers.downsample import INDEX, TIME, ViewRequest
from mldash.answers.shapes import MetricView
from mldash_api.limits import MOST_VIEW_POINTS
from mldash_api.points.points import Range, read_range
from mldash_api.seam.attempts import settled
from mldash_api.seam.cold import all_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_ingest.documents.mongo import Session

from .derived import NOTHING_DERIVED, Derived, derive_view
from .drawing import Drawing
from .planning import (
    Plan,
    drawn_points,
    find_bounds,
    find_span,
    plan_of_points,
    plan_with_summaries,
    read_planned,
    x_fields,
)
from .room import Room
from .summaries import NotSummarised

_IN_A_THREAD_FROM: Final = 20_000
"""Points: so that other requests get their turn."""


async def read_view(
    stores: Stores,
    stream: StreamRef,
    request: ViewRequest,
    room: Room | None = None,
    derived: Derived = NOTHING_DERIVED,
) -> MetricView:
    """Of the points that there are at the first look. `room`: of the answer that it is a part of. `derived`: of fields
    that the request names.

    Raises AnswerTooLarge, DamagedRange, ServerAway, ReadOvertaken.
    """
    kept = room or Room(MOST_VIEW_POINTS)
    if request.x in (INDEX, TIME) and not request.filters and derived.of_columns:
        try:
            view = await settled(stores.mongo, stream, lambda session: _read(stores, session, stream, request, kept))
            if not derived.expressions:
                return view
            if derive_view(view, derived):
                drawn = (*view["fields"].values(), *view["expressions"].values())
                kept.take(stream.id, sum(len(one["x"]) for one in drawn))
                return view
        except NotSummarised:
            pass
    return await settled(
        stores.mongo, stream, lambda session: _read_points(stores, session, stream, request, kept, derived)
    )


async def _read(stores: Stores, session: Session, stream: StreamRef, request: ViewRequest, room: Room) -> MetricView:
    bounds = await find_bounds(stores, session, stream, request)
    plan = await plan_with_summaries(stores, stream, request, bounds)
    return await _draw(stores, stream, request, plan, room, NOTHING_DERIVED)


async def _read_points(
    stores: Stores, session: Session, stream: StreamRef, request: ViewRequest, room: Room, derived: Derived
) -> MetricView:
    bounds = await find_bounds(stores, session, stream, request)
    return await _draw(stores, stream, request, await plan_of_points(stores, stream, request, bounds), room, derived)


async def _draw(
    stores: Stores, stream: StreamRef, request: ViewRequest, plan: Plan, room: Room, derived: Derived
) -> MetricView:
    pieces = plan.pieces()
    blocks, span = await read_planned(stores, stream, request, plan)
    if request.x != INDEX or span is None:
        span = await find_span(stores, stream, request, pieces, span)
    drawing = Drawing(derived.shown(request), span, derived.expressions)
    if span is not None:
        for one in blocks:
            drawing.add_blocks(one)
        room.take(stream.id, drawing.kept)
        wanted = None if request.fields is None else [*request.fields, *x_fields(request)]
        behind = 0
        for first, count in pieces:
            if first != behind:
                drawing.gap()
            behind = first + count
            found = await read_range(stores, stream, first, count, wanted)
            await asyncio.to_thread(_add_points, drawing, found, request)
            room.take(stream.id, drawing.kept)
    if drawing.kept < _IN_A_THREAD_FROM:
        return drawing.view(sampled=plan.sampled)
    return await asyncio.to_thread(lambda: drawing.view(sampled=plan.sampled))


def _add_points(drawing: Drawing, found: Range, request: ViewRequest) -> None:
    for points in drawn_points(found, request):
        drawing.add_points(points)


async def read_views(
    stores: Stores, streams: Sequence[StreamRef | None], request: ViewRequest, derived: Derived = NOTHING_DERIVED
) -> list[MetricView]:
    """The same view of each of these, side by side; None: of an experiment that is not there. One that comes more than
    once is read once. Raises AnswerTooLarge: all of them are one answer."""
    there = {stream.id: stream for stream in streams if stream is not None}
    room = Room(MOST_VIEW_POINTS, [stream.id for stream in streams if stream is not None])
    slots = asyncio.Semaphore(stores.settings.chunk_fetches)

    async def one(stream: StreamRef) -> MetricView:
        async with slots:
            return await read_view(stores, stream, request, room, derived)

    found = dict(zip(there, await all_of([one(stream) for stream in there.values()]), strict=True))
    nothing = view_of_nothing(request, derived)
    return [nothing if stream is None else found[stream.id] for stream in streams]


def view_of_nothing(request: ViewRequest, derived: Derived = NOTHING_DERIVED) -> MetricView:
    """Where there is no such metric."""
    return Drawing(derived.shown(request), None, derived.expressions).view()
