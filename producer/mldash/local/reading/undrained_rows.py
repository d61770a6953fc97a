"""Rows of what journals hold and files do not yet: each is decoded when it is asked for, and not kept."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol, overload

from mldash.events.schema import Block
from mldash.local import entries, lines, params, points, runs
from mldash.local.blocks import events_of, run_events_of

from .stream_rows import PAGE_ROWS, Row


class WaitingEvents(Protocol):
    """Consecutive events of one stream: a schema.Record, or journal/reading/index.py's StoredEvents."""

    @property
    def session(self) -> bytes: ...

    @property
    def kind(self) -> str: ...

    @property
    def name(self) -> str | None: ...

    @property
    def first_seq(self) -> int: ...

    @property
    def count(self) -> int: ...

    @property
    def blocks(self) -> list[Block]:
        """These events, and perhaps more behind them."""
        ...


class Undrained(Sequence[Row]):
    """The waiting rows of one stream, the first of them row `first_row` of the stream."""

    def __init__(self, kind: str, first_row: int, waiting: Sequence[tuple[WaitingEvents, int]]) -> None:
        """`waiting`: events, and how many of the first of them are in the files already."""
        self._kind, self._first_row, self._waiting = kind, first_row, waiting
        # As they are now: a journal that is being written goes on growing.
        self._counts = [events.count - skip for events, skip in waiting]

    def __len__(self) -> int:
        return sum(self._counts)

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> list[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | list[Row]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            return self._between(start, stop)[::step]
        at = range(len(self))[at]
        return self._between(at, at + 1)[0]

    def __iter__(self) -> Iterator[Row]:
        for start in range(0, len(self), PAGE_ROWS):
            yield from self[start : start + PAGE_ROWS]

    def _between(self, start: int, stop: int) -> list[Row]:
        found: list[Row] = []
        first = 0
        for (events, skip), count in zip(self._waiting, self._counts, strict=True):
            if first < stop and first + count > start:
                here, there = max(0, start - first), min(count, stop - first)
                found += self._rows(events, skip + here, there - here, self._first_row + first + here)
            first += count
        return found

    def _rows(self, events: WaitingEvents, skip: int, count: int, row: int) -> list[Row]:
        if self._kind == "runs":
            said = run_events_of(events.blocks, skip)[:count]
            seq = events.first_seq + skip
            return [runs.row_of(events.session, seq + at, event) for at, event in enumerate(said)]
        plain = islice(events_of(events.blocks, skip), count)
        if self._kind == "metrics":
            return [points.row_of(row + at, event) for at, event in enumerate(plain)]
        if self._kind == "logs":
            return [lines.row_of(row + at, event) for at, event in enumerate(plain)]
        return [entries.row_of(event) if self._kind == "tracks" else params.row_of(event) for event in plain]
