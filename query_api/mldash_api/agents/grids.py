"""The points of local runs on one grid, as /v1/metrics/grid puts those of an API.

Of indices a column is so many whole indices wide; of times and fields all columns are of one width over the span. The
points are gone through twice, a page at a time: for the span, and to fill the columns.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Any

from mldash.answers.downsample import INDEX, TIMESTAMP, ViewRequest, pieces_of
from mldash.answers.pixel_columns import Span
from mldash.answers.shapes import MetricPoint
from mldash.client.open_run import OpenRun
from mldash.events.field_statistics import is_number

from .points import Column, Number, Series

_PAGE = 10_000
Row = tuple[Number, dict[str, Number | None]]
"""x, and each field that has something there: None and NaN are no number."""


class Grid:
    """Columns over a span."""

    def __init__(self, span: Span, columns: int, *, whole: bool) -> None:
        self._low = span.low
        if whole:
            width: Number = -(-int(span.high - span.low + 1) // columns)
            count = -(-int(span.high - span.low + 1) // int(width))
        else:
            count = columns if span.low < span.high else 1
            width = (span.high - span.low) / count or 1
        self.width, self.count, self.is_whole = width, count, whole

    def edge(self, at: int) -> Number:
        return self._low + at * self.width

    def place(self, x: Number) -> int:
        return min(self.count - 1, max(0, int((x - self._low) // self.width)))


def grid_of(runs: Sequence[OpenRun], metric: str | None, request: ViewRequest) -> Grid | None:
    """None: no run has a point in what was asked for."""
    low, high = math.inf, -math.inf
    found: Span | None = None
    for run in runs:
        for x, _ in rows_of(run, metric, request):
            if x < low or x > high:
                low, high = min(low, x), max(high, x)
                found = Span(low, high)
    return None if found is None else Grid(found, request.columns, whole=request.x == INDEX)


def series_of(runs: Sequence[OpenRun], metric: str | None, request: ViewRequest, grid: Grid) -> list[Series]:
    """Of each run, each field that has a number."""
    found = []
    for at, run in enumerate(runs):
        filled, events = dict[str, list[_Cell]](), [0] * grid.count
        drawn = filled if request.fields is None else set(request.fields)
        rows = rows_of(run, metric, request)
        for x, row in rows if request.x == INDEX else sorted(rows, key=itemgetter(0)):
            place = grid.place(x)
            events[place] += 1
            for name, value in row.items():
                if value is not None and value == value and request.draws(name, drawn):
                    cells = filled.get(name) or filled.setdefault(name, [_Cell() for _ in range(grid.count)])
                    cells[place].add(value)
        for name, cells in filled.items():
            columns = [
                Column(grid.edge(place), grid.edge(place + 1), *cell.numbers(), events[place] - cell.count)
                for place, cell in enumerate(cells)
            ]
            found.append(Series(at, name, columns))
    return found


def rows_of(run: OpenRun, metric: str | None, request: ViewRequest) -> Iterator[Row]:
    """The points that the request is about, in the order of their indices."""
    points = run.metrics(metric).iter(*request.indices, wait=0)
    for x_values, columns in pieces_of(_pages(points), request.x, _seconds):
        for at, x in enumerate(x_values):
            if not _is_inside(x, request) or not _passes(columns, at, request):
                continue
            yield (
                x,
                {
                    name: values[at] if is_number(values[at]) else None
                    for name, values in columns.items()
                    if name != TIMESTAMP
                },
            )


def _pages(points: Iterator[MetricPoint]) -> Iterator[list[MetricPoint]]:
    while page := list(islice(points, _PAGE)):
        yield page


def _is_inside(x: object, request: ViewRequest) -> bool:
    if not isinstance(x, int | float) or isinstance(x, bool) or not math.isfinite(x):
        return False
    return (request.start is None or x >= request.start) and (request.end is None or x <= request.end)


def _passes(columns: Mapping[str, Sequence[Any]], at: int, request: ViewRequest) -> bool:
    return all(one.passes(columns[one.field][at] if one.field in columns else None) for one in request.filters)


class _Cell:
    """The numbers of one field in one column so far."""

    __slots__ = ("count", "first", "greatest", "last", "least")

    def __init__(self) -> None:
        self.least: Number = math.inf
        self.greatest: Number = -math.inf
        self.first: Number = 0
        self.last: Number = 0
        self.count = 0

    def add(self, value: Number) -> None:
        if not self.count:
            self.first = self.least = self.greatest = value
        elif value < self.least:
            self.least = value
        elif value > self.greatest:
            self.greatest = value
        self.last = value
        self.count += 1

    def numbers(self) -> tuple[Number | None, Number | None, Number | None, Number | None, int]:
        if not self.count:
            return None, None, None, None, 0
        return self.least, self.greatest, self.first, self.last, self.count


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
