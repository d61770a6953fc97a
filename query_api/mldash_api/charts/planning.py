"""Which parts of a stream an answer in pixel columns is made of: summaries where these are fine enough, else points.

x = "index"  summaries of the coarsest grain that is not wider than a pixel column, points where there are none
x = "time"   the same; which parts of the stream lie in the time asked for is found from the coarsest summaries down
x = a field  its points, up to 1,000,000; of more, parts that lie evenly, and the answer says `sampled`
a filter     the same

A field that has no summary in some part (a chunk has them for 256 fields) is drawn as if x were a field: reading its
blocks raises NotSummarised.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from msgspec import structs

from mldash.answers.downsample import INDEX, TIME, TIMESTAMP, ViewRequest
from mldash.answers.pixel_columns import Span
from mldash_api.limits import RAW_POINTS, VIEW_PIECE_POINTS
from mldash_api.points.points import Range, read_range
from mldash_api.seam import hot
from mldash_api.seam.chain_ends import Reach
from mldash_api.seam.cold import all_of
from mldash_api.stores.streams import Stores, StreamRef
from mldash_compactor.chunks.summaries import BLOCK_ROWS
from mldash_ingest.documents.mongo import Session

from .drawing import Blocks, Points, SpanOf, chosen_by, points_of
from .grains import Stretch, Summarised, cover, merged, sample
from .shape import GRAINS, POINT, grain_of
from .summaries import Asked, TimedBlocks, read_blocks, read_times

_AS_FINE_AS_POINTS: Final = 2**62
"""So many pixel columns that each is narrower than a summary."""


class Plan(NamedTuple):
    """The parts. `span`: the least and greatest x, where no point has to be looked at for them; `joined`: up to where
    levels reach."""

    stretches: list[Stretch]
    span: Span | None = None
    sampled: bool = False
    joined: int = 0

    def pieces(self) -> list[tuple[int, int]]:
        """Of what is made of points: the first index and the count of what is read at once."""
        return [
            (first, min(VIEW_PIECE_POINTS, one.end - first))
            for one in self.stretches
            if one.grain == POINT
            for first in range(one.first, one.end, VIEW_PIECE_POINTS)
        ]


class Bounds(NamedTuple):
    """Indices [first, end), and where the stream has summaries."""

    first: int
    end: int
    summarised: Summarised


async def plan_with_summaries(
    stores: Stores, stream: StreamRef, request: ViewRequest, bounds: Bounds, grain: int | None = None
) -> Plan:
    """By index or time. `grain`: of the summaries, where x is the index; None: as the pixel columns are."""
    if request.x == TIME:
        return await _plan_by_time(stores, stream, request, bounds)
    coarsest = grain or grain_of((bounds.end - bounds.first) / request.columns)
    span = Span(bounds.first, bounds.end - 1) if bounds.first < bounds.end else None
    stretches = cover(bounds.first, bounds.end, coarsest, bounds.summarised)
    return Plan(stretches, span, joined=bounds.summarised.joined)


async def plan_of_points(stores: Stores, stream: StreamRef, request: ViewRequest, bounds: Bounds) -> Plan:
    """Without summaries; but by time these say where to look."""
    if request.x == TIME:
        fine = structs.replace(request, columns=_AS_FINE_AS_POINTS)
        return (await _plan_by_time(stores, stream, fine, bounds))._replace(span=None)
    whole = [Stretch(POINT, bounds.first, bounds.end)] if bounds.first < bounds.end else []
    stretches, sampled = sample(whole, RAW_POINTS)
    return Plan(stretches, None, sampled)


async def find_bounds(stores: Stores, session: Session, stream: StreamRef, request: ViewRequest) -> Bounds:
    """The indices asked for that the stream has, and where it has summaries."""
    seam = await hot.find_seam(stores.mongo, session, stream.id)
    if seam is None:
        return bounds_of(None, request)
    chain_end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
    await hot.look_again(stores.mongo, session, stream.id, seam.cold)
    return bounds_of(Reach(seam, chain_end), request)


def bounds_of(reach: Reach | None, request: ViewRequest) -> Bounds:
    """The same of a chain that was looked at already; None: there is no such stream."""
    if reach is None:
        return Bounds(0, 0, Summarised(0, 0))
    seam, (first, end) = reach.seam, request.indices
    end = reach.end if end is None else min(end, reach.end)
    return Bounds(max(first, seam.floor), end, Summarised(seam.cold, seam.joined))


async def _plan_by_time(stores: Stores, stream: StreamRef, request: ViewRequest, bounds: Bounds) -> Plan:
    """From the coarsest summaries down: what overlaps the time asked for, as fine as its pixel columns are."""
    open_, done, span = cover(bounds.first, bounds.end, GRAINS[-1], bounds.summarised), list[Stretch](), SpanOf()
    while open_:
        found = [
            (one, await read_times(stores, stream, one, bounds.summarised.joined))
            for one in open_
            if one.grain > BLOCK_ROWS
        ]
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
    stretches = merged([one for one in done if one.grain != POINT] + points)
    return Plan(stretches, span.span, sampled, bounds.summarised.joined)


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


async def read_planned(
    stores: Stores, stream: StreamRef, request: ViewRequest, plan: Plan
) -> tuple[list[Blocks], Span | None]:
    """The summaries that the plan names, and its span together with theirs."""
    summarised = [one for one in plan.stretches if one.grain != POINT]
    by_time = request.x == TIME
    asked = Asked(stream, request.fields, plan.joined, by_time)
    reads = [read_blocks(stores, asked, one) for one in summarised]
    blocks = [one for found in await all_of(reads) for one in found] if reads else []
    if not by_time or not blocks:
        return blocks, plan.span
    whole = SpanOf()
    for one in blocks:
        whole.add(float(one.low.min()), float(one.high.max()))
    if plan.span is not None:
        whole.add(*plan.span)
    return blocks, whole.span


async def find_span(
    stores: Stores, stream: StreamRef, request: ViewRequest, pieces: Sequence[tuple[int, int]], known: Span | None
) -> Span | None:
    span = SpanOf()
    if known is not None:
        span.add(*known)
    for first, count in pieces:
        found = await read_range(stores, stream, first, count, x_fields(request))
        await asyncio.to_thread(_add_span, span, found, request)
    return span.span


def x_fields(request: ViewRequest) -> list[str]:
    """What x, and whether a point is drawn, is made of."""
    own = [TIMESTAMP] if request.x == TIME else [] if request.x == INDEX else [request.x]
    return own + [one.field for one in request.filters]


def drawn_points(found: Range, request: ViewRequest) -> list[Points]:
    """The rows of a range with their x; none where a filter does not hold."""
    return [chosen_by(request.filters, points_of(rows.part, rows.start, rows.stop, request.x)) for rows in found.rows]


def _add_span(span: SpanOf, found: Range, request: ViewRequest) -> None:
    for points in drawn_points(found, request):
        span.add_points(points, request)
