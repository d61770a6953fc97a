"""The view of a metric, hot and cold as one: its cost grows with the screen, not with the stream.

x = "index"  summaries of the coarsest grain that is not wider than a pixel column, points where there are none
x = "time"   the same; which parts of the stream lie in the time asked for is found from the coarsest summaries down
x = a field  its points, up to 1,000,000; of more, parts that lie evenly, and the answer says `sampled`
a filter     the same

A field that has no summary in some part (a chunk has them for 256 fields) is drawn as if x were a field.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import structs

from mldash.answers.downsample import INDEX, TIME, TIMESTAMP, ViewRequest
from mldash.answers.pixel_columns import Span
from mldash.answers.shapes import MetricView
from mldash_api.limits import RAW_POINTS, VIEW_PIECE_POINTS
from mldash_api.points.points import Range, read_range
from mldash_api.seam import hot
from mldash_api.seam.attempts import settled
from mldash_api.seam.cold import all_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_compactor.chunks.summaries import BLOCK_ROWS
from mldash_ingest.documents.mongo import Session

from .drawing import Blocks, Drawing, SpanOf, chosen_by, points_of
from .grains import GRAINS, POINT, Stretch, Summarised, cover, grain_of, merged, sample
from .summaries import NotSummarised, TimedBlocks, read_blocks, read_times

_AS_FINE_AS_POINTS: Final = 2**62
"""So many pixel columns that each is narrower than a summary."""


class _Plan(NamedTuple):
    """The parts of a view. `span`: the least and greatest x, where no point has to be looked at for them."""

    stretches: list[Stretch]
    span: Span | None = None
    sampled: bool = False


class _Bounds(NamedTuple):
    first: int
    end: int
    summarised: Summarised


async def read_view(stores: Stores, stream: StreamRef, request: ViewRequest) -> MetricView:
    """Of the points that there are at the first look. Raises DamagedRange, ServerAway, ReadOvertaken."""
    if request.x in (INDEX, TIME) and not request.filters:
        try:
            return await settled(stores.mongo, stream, lambda session: _read(stores, session, stream, request))
        except NotSummarised:
            pass
    return await settled(stores.mongo, stream, lambda session: _read_points(stores, session, stream, request))


async def _read(stores: Stores, session: Session, stream: StreamRef, request: ViewRequest) -> MetricView:
    bounds = await _bounds(stores, session, stream, request)
    if request.x == INDEX:
        grain = grain_of((bounds.end - bounds.first) / request.columns)
        span = Span(bounds.first, bounds.end - 1) if bounds.first < bounds.end else None
        plan = _Plan(cover(bounds.first, bounds.end, grain, bounds.summarised), span)
    else:
        plan = await _plan_by_time(stores, stream, request, bounds)
    return await _draw(stores, stream, request, plan)


async def _read_points(stores: Stores, session: Session, stream: StreamRef, request: ViewRequest) -> MetricView:
    """Without summaries; but by time these say where to look."""
    bounds = await _bounds(stores, session, stream, request)
    if request.x == TIME:
        plan = await _plan_by_time(stores, stream, structs.replace(request, columns=_AS_FINE_AS_POINTS), bounds)
        return await _draw(stores, stream, request, plan._replace(span=None))
    whole = [Stretch(POINT, bounds.first, bounds.end)] if bounds.first < bounds.end else []
    stretches, sampled = sample(whole, RAW_POINTS)
    return await _draw(stores, stream, request, _Plan(stretches, None, sampled))


async def _bounds(stores: Stores, session: Session, stream: StreamRef, request: ViewRequest) -> _Bounds:
    """The indices asked for that the stream has, and where it has summaries."""
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return _Bounds(0, 0, Summarised(0, 0))
    chain_end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    await hot.look_again(stores.mongo, session, stream.id, seam.cold)
    first, end = request.indices
    end = chain_end if end is None else min(end, chain_end)
    return _Bounds(max(first, seam.floor), end, Summarised(seam.cold, seam.joined))


async def _plan_by_time(stores: Stores, stream: StreamRef, request: ViewRequest, bounds: _Bounds) -> _Plan:
    """From the coarsest summaries down: what overlaps the time asked for, as fine as its pixel columns are."""
    open_, done, span = cover(bounds.first, bounds.end, GRAINS[-1], bounds.summarised), list[Stretch](), SpanOf()
    while open_:
        found = [(one, await read_times(stores, stream, one)) for one in open_ if one.grain > BLOCK_ROWS]
        done += [one for one in open_ if one.grain <= BLOCK_ROWS]
        found = [(one, _overlapping(blocks, request)) for one, blocks in found]
        events = sum(one.grain * len(blocks.first) for one, blocks in found) + sum(one.end - one.first for one in done)
        wanted, open_ = grain_of(events / request.columns), []
        for one, blocks in found:
            for first, low, high in zip(*(array.tolist() for array in blocks), strict=True):
                if one.grain > wanted or _is_cut(low, high, request):
                    open_ += _closer(one.grain, first, wanted, cut=_is_cut(low, high, request))
                else:
                    done.append(Stretch(one.grain, first, first + one.grain))
                    span.add(low, high)
        open_ = merged(open_)
    points, sampled = sample([one for one in done if one.grain == POINT], RAW_POINTS)
    return _Plan(merged([one for one in done if one.grain != POINT] + points), span.span, sampled)


def _closer(grain: int, first: int, wanted: int, *, cut: bool) -> list[Stretch]:
    """What a block is looked at as. One of 500 has no times of its own: where a bound may cut it, points tell."""
    finer = GRAINS[GRAINS.index(grain) - 1]
    if finer == BLOCK_ROWS and (cut or wanted == POINT):
        finer = POINT
    return [Stretch(finer, first, first + grain)]


def _overlapping(blocks: TimedBlocks, request: ViewRequest) -> TimedBlocks:
    start = -float("inf") if request.start is None else request.start
    end = float("inf") if request.end is None else request.end
    chosen = (blocks.high >= start) & (blocks.low <= end)
    return blocks.take(chosen)


def _is_cut(low: float, high: float, request: ViewRequest) -> bool:
    """Whether a bound lies within."""
    return (request.start is not None and low < request.start) or (request.end is not None and high > request.end)


async def _draw(stores: Stores, stream: StreamRef, request: ViewRequest, plan: _Plan) -> MetricView:
    pieces = [
        (first, min(VIEW_PIECE_POINTS, one.end - first))
        for one in plan.stretches
        if one.grain == POINT
        for first in range(one.first, one.end, VIEW_PIECE_POINTS)
    ]
    blocks, span = await _blocks(stores, stream, request, plan)
    if request.x != INDEX or span is None:
        span = await _span(stores, stream, request, pieces, span)
    drawing = Drawing(request, span)
    if span is not None:
        for one in blocks:
            drawing.add_blocks(one)
        wanted = None if request.fields is None else [*request.fields, *_x_fields(request)]
        for first, count in pieces:
            found = await read_range(stores, stream, first, count, wanted)
            await asyncio.to_thread(_add_points, drawing, found, request)
    return drawing.view(sampled=plan.sampled)


async def _blocks(
    stores: Stores, stream: StreamRef, request: ViewRequest, plan: _Plan
) -> tuple[list[Blocks], Span | None]:
    """The summaries that the plan names, and its span together with theirs."""
    summarised = [one for one in plan.stretches if one.grain != POINT]
    by_time = request.x == TIME
    reads = [read_blocks(stores, stream, one, request.fields, by_time) for one in summarised]
    blocks = [one for found in await all_of(reads) for one in found] if reads else []
    if not by_time or not blocks:
        return blocks, plan.span
    whole = SpanOf()
    for one in blocks:
        whole.add(float(one.low.min()), float(one.high.max()))
    if plan.span is not None:
        whole.add(*plan.span)
    return blocks, whole.span


async def _span(
    stores: Stores, stream: StreamRef, request: ViewRequest, pieces: Sequence[tuple[int, int]], known: Span | None
) -> Span | None:
    span = SpanOf()
    if known is not None:
        span.add(*known)
    for first, count in pieces:
        found = await read_range(stores, stream, first, count, _x_fields(request))
        await asyncio.to_thread(_add_span, span, found, request)
    return span.span


def _x_fields(request: ViewRequest) -> list[str]:
    """What x, and whether a point is drawn, is made of."""
    own = [TIMESTAMP] if request.x == TIME else [] if request.x == INDEX else [request.x]
    return own + [one.field for one in request.filters]


def _add_points(drawing: Drawing, found: Range, request: ViewRequest) -> None:
    for rows in found.rows:
        drawing.add_points(chosen_by(request.filters, points_of(rows.part, rows.start, rows.stop, request.x)))


def _add_span(span: SpanOf, found: Range, request: ViewRequest) -> None:
    for rows in found.rows:
        span.add_points(chosen_by(request.filters, points_of(rows.part, rows.start, rows.stop, request.x)), request)


async def read_views(stores: Stores, streams: Sequence[StreamRef | None], request: ViewRequest) -> list[MetricView]:
    """The same view of each of these, side by side; None: of an experiment that is not there."""
    slots = asyncio.Semaphore(stores.settings.chunk_fetches)

    async def one(stream: StreamRef | None) -> MetricView:
        if stream is None:
            return Drawing(request, None).view()
        async with slots:
            return await read_view(stores, stream, request)

    return list(await asyncio.gather(*(one(stream) for stream in streams)))
