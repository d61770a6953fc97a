"""What a chart needs of a metric, hot and cold as one: drawn from its points, piece after piece, in bounded memory."""

import asyncio
from typing import Final

from mldash.ingest_workers.documents.columns import ABSENT
from mldash.ingest_workers.documents.mongo import Session
from mldash.producer.answers.downsample import (
    INDEX,
    TIME,
    TIMESTAMP,
    Drawing,
    Piece,
    Span,
    SpanFinder,
    ViewRequest,
    x_column,
)
from mldash.producer.answers.shapes import MetricView

from . import hot
from .attempts import settled
from .points import Range, read_range
from .rows import Rows, columns_of, times_of
from .streams import Stores, StreamRef

PIECE_POINTS: Final = 10_000


async def read_view(stores: Stores, stream: StreamRef, request: ViewRequest) -> MetricView:
    """Of the points that there are at the first look. Where the span of x has to be found they are read twice."""
    first, end = await _indices(stores, stream, request)
    span: Span | None = Span(first, end - 1) if first < end else None
    if request.x != INDEX:
        finder = SpanFinder(request)
        await _give(stores, stream, request, first, end, finder)
        span = finder.span
    drawing = Drawing(request, span)
    if span is not None:
        await _give(stores, stream, request, first, end, drawing)
    return drawing.view()


async def _indices(stores: Stores, stream: StreamRef, request: ViewRequest) -> tuple[int, int]:
    """Those of the range asked for that the stream has."""
    first, end = request.indices

    async def bounds(session: Session) -> tuple[int, int]:
        seam = await hot.find_seam(stores.mongo, session, stream.id)
        if seam is None:
            return 0, 0
        chain_end = await hot.chain_end(stores.mongo, session, stream.id, seam.cold)
        await hot.look_again(stores.mongo, session, stream.id, seam.cold)
        return seam.floor, chain_end

    floor, chain_end = await settled(stores.mongo, stream, bounds)
    return max(first, floor), chain_end if end is None else min(end, chain_end)


async def _give(
    stores: Stores, stream: StreamRef, request: ViewRequest, first: int, end: int, taker: SpanFinder | Drawing
) -> None:
    while first < end:
        found = await read_range(stores, stream, first, min(PIECE_POINTS, end - first))
        if not found.count:  # retention took the rest meanwhile
            return
        await asyncio.to_thread(_take, found, request, taker)
        first = found.first_index + found.count


def _take(found: Range, request: ViewRequest, taker: SpanFinder | Drawing) -> None:
    for rows in found.rows:
        taker.add(*_piece_of(rows, request))


def _piece_of(rows: Rows, request: ViewRequest) -> Piece:
    """Only the columns that the view is made of are decoded."""
    wanted = None if request.fields is None else [*request.fields, request.x, *([TIMESTAMP] * (request.x == TIME))]
    names, values = columns_of(rows, wanted)
    if names == [""] and rows.part.columns[0].type == "events":
        events = values[0]
        names = list(dict.fromkeys(name for event in events for name in event))
        values = [[event.get(name, ABSENT) for event in events] for name in names]
    columns = dict(zip(names, values, strict=True))
    indices = range(rows.first_index, rows.first_index + rows.count)
    return x_column(request.x, indices, times_of([rows]), columns), columns
