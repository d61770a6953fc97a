"""Metric points: lines {"index", "data", "createdAt"} and what is read from them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from mldash.answers.downsample import INDEX, Piece, ViewRequest, draw, pieces_of
from mldash.answers.pixel_columns import Span
from mldash.answers.shapes import FieldSummary, MetricPage, MetricPoint, MetricView
from mldash.events.field_statistics import FIELD_LIMIT, FieldStatistics, is_number

from .blocks import Event
from .reading.stream_rows import Row, StreamRows
from .row_text import ISO_TIMES, json_ready, seconds_of
from .state.point_columns import PointColumns


class PointLine(Struct, gc=False):
    """One line of data.jsonl, in this order."""

    index: int
    data: dict[str, Any]
    createdAt: str  # noqa: N815 - the file's name for it


def lines_of(first_index: int, events: Iterable[Event]) -> Iterator[tuple[float, PointLine]]:
    """Events → lines with dense indices from first_index on."""
    iso = ISO_TIMES
    for index, (time, fields) in enumerate(events, first_index):
        yield time, PointLine(index, fields, iso.text(time))


def time_text(time: float) -> str:
    """A row's `createdAt`."""
    return ISO_TIMES.text(time)


def values_of(line: PointLine) -> Iterable[Any]:
    """The user's values in a line."""
    return line.data.values()


def ready(line: PointLine) -> PointLine:
    """The line as JSON can say it."""
    return PointLine(line.index, json_ready(line.data), line.createdAt)


def row_of(index: int, event: Event) -> Row:
    """The row that the event will be, as it reads."""
    time, fields = event
    return {"index": index, "data": fields, "createdAt": ISO_TIMES.text(time)}


def time_of(row: Mapping[str, Any]) -> float:
    return seconds_of(row["createdAt"])


def page(rows: StreamRows, start_index: int, limit: int) -> MetricPage:
    """One answer of `read`."""
    found: list[MetricPoint] = [
        {"index": row["index"], "data": row["data"], "createdAt": row["createdAt"]}
        for row in rows.rows(start_index, start_index + limit)
    ]
    end = start_index + len(found)
    return {
        "data": found,
        "startIndex": start_index,
        "endIndex": end - 1,
        "total": len(found),
        "hasMore": end < rows.count,
    }


def view(rows: StreamRows, request: ViewRequest, known: PointColumns) -> MetricView:
    """The data of a chart of the present points; `known` are those that earlier charts have read."""
    first, end = request.indices
    end = rows.count if end is None else min(end, rows.count)
    drawn = _drawn_by(request)
    if request.x == INDEX and not request.filters:
        return drawn(request, lambda: known.pieces(rows, first, end), Span(first, end - 1) if first < end else None)
    return drawn(request, lambda: pieces_of(rows.pages(first, end), request.x, seconds_of), None)


def _drawn_by(request: ViewRequest) -> Callable[[ViewRequest, Callable[[], Iterable[Piece]], Span | None], MetricView]:
    """Raises PackageMissing: the values of expressions are NumPy's."""
    if not request.expressions:
        return draw
    # NumPy and the grammar are loaded with the first expression, never by a view of fields.
    from mldash.answers.columns import check_package

    check_package("numpy", "expression")
    from .expression_views import draw_with_expressions

    return draw_with_expressions


class PointStatistics:
    """Statistics of each numeric field, carried forward in index order; `rows` says how far."""

    def __init__(self) -> None:
        self.rows = 0
        self.fields: dict[str, FieldStatistics] = {}

    def carry_on(self, rows: StreamRows, stop: int) -> None:
        """Take in the rows up to `stop`."""
        for page_rows in rows.pages(self.rows, stop):
            self.take_in(page_rows)

    def take_in(self, page_rows: list[Row]) -> None:
        """Take in the next rows."""
        columns: dict[str, list[int | float]] = {}
        for row in page_rows:
            for name, value in row["data"].items():
                if is_number(value):
                    columns.setdefault(name, []).append(value)
        for name, values in columns.items():
            if name not in self.fields and len(self.fields) >= FIELD_LIMIT:
                continue
            self.fields.setdefault(name, FieldStatistics()).add(values)
        self.rows += len(page_rows)

    def copy(self) -> "PointStatistics":
        """Another one that goes on by itself."""
        copied = PointStatistics()
        copied.rows = self.rows
        copied.fields = {name: msgspec.structs.replace(one) for name, one in self.fields.items()}
        return copied

    def summaries(self) -> dict[str, FieldSummary]:
        return {
            name: {
                "count": one.count,
                "min": one.min,
                "max": one.max,
                "mean": one.mean,
                "last": one.last,
                "first": one.first,
            }
            for name, one in self.fields.items()
        }
