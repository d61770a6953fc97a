"""A track of the store on pixel columns (cells.py): read window after window, in memory that does not grow."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from mldash.answers.kept_points import Floats
from mldash.answers.names import shown_entry_field
from mldash_api.charts.dots import numbers_of as numbers_of_part
from mldash_api.seam.rows import Rows, columns_of
from mldash_api.seam.snapshots import carried_forward
from mldash_api.stores.streams import Stores, StreamRef
from mldash_api.tracks.entries import Asked, entries_of, follow_in_time, stored_names
from mldash_api.tracks.windows import plan_windows, windows
from mldash_compactor.chunks.summaries import presence
from mldash_ingest.documents.columns import ABSENT

from .asking import AskedTrackGrid
from .cells import Leaf, Piece, TrackCells, TrackGrid
from .numbers import numbers_of, pieces_of

_ROWS_AT_ONCE: Final = 50_000


async def read_track_grid(stores: Stores, stream: StreamRef, asked: AskedTrackGrid) -> TrackGrid:
    """Of the track as it was at the first look. Raises AnswerTooLarge, DamagedRange, ReadOvertaken, ServerAway."""
    carried = await carried_forward(stores.mongo, stream)
    first, last = (carried.snapshot.first_at, carried.snapshot.last_at) if carried else (None, None)
    span = None if first is None or last is None else asked.span(first, last)
    if span is None:
        return asked.nothing()
    cells, within = asked.cells(span), Asked(span.low, span.high, asked.fields)
    plan = await plan_windows(stores, stream, within)
    if plan.span is not None:
        async for rows in windows(stores, stream, within, plan):
            await asyncio.to_thread(_add, cells, rows, asked.fields)
    return await asyncio.to_thread(cells.answer, asked.statistics)


def _add(cells: TrackCells, rows: Sequence[Rows], fields: Sequence[str]) -> None:
    pieces = _in_place(rows, fields) if follow_in_time(rows) else pieces_of(entries_of(rows, fields), fields)
    for one in pieces:
        cells.add(one)


def _in_place(rows: Sequence[Rows], fields: Sequence[str]) -> Iterator[Piece]:
    """Of rows that follow each other: numbers are taken as they are packed, no entry is built."""
    wanted = frozenset(stored_names(fields) or ())
    for one in rows:
        if one.part.columns and one.part.columns[0].type == "events":
            yield from pieces_of(entries_of([one], fields), fields)
            continue
        for start in range(one.start, one.stop, _ROWS_AT_ONCE):
            yield _piece(Rows(one.part, start, min(one.stop, start + _ROWS_AT_ONCE)), wanted)


def _piece(rows: Rows, wanted: frozenset[str]) -> Piece:
    part, values, present = rows.part, dict[Leaf, Floats](), np.zeros(rows.count, np.bool_)
    for name, (at, numbers) in numbers_of_part(part, rows.start, rows.stop).items():
        if name in wanted:
            dense = values[Leaf(shown_entry_field(name), None)] = np.full(rows.count, np.nan)
            dense[at - rows.start] = numbers.floats
    for column in part.columns:
        if column.name not in wanted:
            continue
        there = presence(column, part.row_count)
        present |= True if there is None else there[rows.start : rows.stop]
        if column.shape or column.type == "values":
            (found,) = columns_of(rows, [column.name])[1]
            values |= numbers_of(shown_entry_field(column.name), [None if one is ABSENT else one for one in found])
    return Piece(np.asarray(rows.times()), values, present)
