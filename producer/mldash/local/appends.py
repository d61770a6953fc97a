"""The lines that one delivery appends to one row file, from parts of records."""

from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

from mldash.events.schema import Block, Columns, Record

from . import entries, lines, params, points, runs
from .blocks import events_of, run_events_of
from .column_text import entry_pieces, point_pieces
from .row_file import Piece, RowFile
from .row_text import json_ready, pieces_of
from .state.acknowledged import FileEnd
from .state.sources import Span


class Part(Struct):
    """A record, and how many of its first events are acknowledged already."""

    record: Record
    skip: int


class Append(Struct):
    """The rows that one delivery appends to one row file."""

    kind: str
    name: str | None
    file: RowFile
    before: FileEnd
    parts: list[Part]
    pieces: list[Piece] = []
    after: FileEnd = FileEnd()


def span(part: Part) -> Span:
    record = part.record
    return Span(record.session, record.first_seq + part.skip, record.count - part.skip)


def pieces(append: Append) -> Iterator[Piece]:
    """The append's rows as lines. Blocks of plain numbers, which most are, take the short way."""
    first = append.before.rows
    short_way = _SHORT_WAYS.get(append.kind)
    for part in append.parts:
        waiting: list[Block] = []
        for block in part.record.blocks:
            if short_way is None or part.skip or not isinstance(block, Columns):
                waiting.append(block)
                continue
            behind = list(_long_way(append.kind, first, part, waiting))
            made = short_way(first + sum(len(piece.times) for piece in behind), block)
            if made is None:
                waiting.append(block)
                continue
            waiting = []
            for piece in (*behind, *made):
                first += len(piece.times)
                yield piece
        for piece in _long_way(append.kind, first, part, waiting):
            first += len(piece.times)
            yield piece


_SHORT_WAYS: Final = {"metrics": point_pieces, "tracks": entry_pieces}


def _long_way(kind: str, first: int, part: Part, blocks: Sequence[Block]) -> Iterator[Piece]:
    """Blocks value by value, without the part's first `skip` events."""
    if kind == "runs":
        seq = part.record.first_seq + part.skip
        return pieces_of(first, runs.lines_of(part.record.session, seq, run_events_of(blocks, part.skip)))
    events = events_of(blocks, part.skip)
    if kind == "metrics":
        return pieces_of(first, points.lines_of(first, events), points.values_of, points.ready)
    if kind == "tracks":
        return pieces_of(first, entries.lines_of(events), dict.values, json_ready)
    if kind == "logs":
        return pieces_of(first, lines.lines_of(first, events))
    return pieces_of(first, params.lines_of(events))
