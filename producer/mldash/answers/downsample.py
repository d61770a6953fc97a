"""The points that a chart needs: of each pixel column the first, the last, the least and the greatest value.

    column of x    floor((x - low) / (high - low) · columns), the last one holds `high` too; `low` and `high` are the
                   span: the least and the greatest x that there is of what was asked for
    kept of it     (M4) first and last in the order of x; least and greatest y, of equal ones the first

So a line through the kept points covers the same pixels as one through all, and no spike is lost. They are points as
they were logged, their values of the type that they had. Where a field has no more points than could be kept at most
(4 a column), all of them are.

Only int and float are drawn, infinities among them; NaN is not drawn, and x must be finite. A view is made in
pieces: what is kept of those so far, and the next piece, keeps the same as all at once, so memory is bounded by the
screen. NumPy does it where it is installed (kept_points.py), plain Python where it is not; both keep the same.
"""

import functools
import math
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from mldash.events.field_statistics import is_number

from .filters import Filter
from .limits import MOST_COUNT, MOST_FIELDS
from .pixel_columns import KEPT_A_COLUMN, Number, Span, columns_a_half, edges
from .shapes import MetricView, ViewSeries

INDEX, TIME = "index", "time"
TIMESTAMP: Final = "_ts"

_PIECE: Final = 65_536
"""Points that are gathered before they are thinned out."""

Columns = Mapping[str, Sequence[Any]]
Piece = tuple[Sequence[Any], Columns]
"""The x of some points, and the values of each field over them; only numbers are drawn."""


class ViewRequest(Struct, frozen=True):
    """The request for a view. `start`, `end` are inclusive, in units of x; None: from the first, to the last. Of points
    that pass all filters."""

    fields: Sequence[str] | None = None
    x: str = INDEX
    start: Number | None = None
    end: Number | None = None
    columns: int = 1000
    filters: Sequence[Filter] = ()
    expressions: Sequence[str] = ()
    """Texts, which are drawn beside the fields; `draw` is of fields alone (mldash/local/expression_views.py)."""

    @property
    def indices(self) -> tuple[int, int | None]:
        """The range of indices [first, end) that has to be read; end None: all from `first` on."""
        if self.x != INDEX:
            return 0, None
        first = 0 if self.start is None else max(0, math.ceil(max(self.start, 0)))
        return first, None if self.end is None else max(first, math.floor(min(self.end, MOST_COUNT)) + 1)

    def draws(self, field: str, drawn: Collection[str]) -> bool:
        """Whether a field is drawn that has come now; `drawn`: those that were named, and those that came before."""
        if field in drawn:
            return True
        return self.fields is None and len(drawn) < MOST_FIELDS and field not in (self.x, TIMESTAMP)


def draw(request: ViewRequest, pieces: Callable[[], Iterable[Piece]], span: Span | None = None) -> MetricView:
    """The view. `pieces` gives all points again each time; they are gone through once more where the span is unknown.

    `span`: the least and greatest x, where the caller knows them.
    """
    if span is None:
        finder = SpanFinder(request)
        for x, columns in pieces():
            finder.add(x, columns)
        span = finder.span
    drawing = Drawing(request, span)
    if span is not None:
        for x, columns in pieces():
            drawing.add(x, columns)
    return drawing.view()


def empty_view(request: ViewRequest) -> MetricView:
    """The view where there is no point."""
    view = draw(request, lambda: ())
    if request.expressions:
        view["expressions"] = {text: {"x": [], "y": []} for text in request.expressions}
    return view


class SpanFinder:
    """The least and the greatest x of the points that a view is drawn of; `span` is None where there are none."""

    def __init__(self, request: ViewRequest) -> None:
        self._request = request
        self.span: Span | None = None

    def add(self, x: Sequence[Any], columns: Columns) -> None:
        drawn = [value for value, inside in zip(x, are_drawn(x, columns, self._request), strict=True) if inside]
        if drawn:
            low, high = min(drawn), max(drawn)
            before = self.span or Span(low, high)
            self.span = Span(min(before.low, low), max(before.high, high))


class Drawing:
    """A view that is being made, piece after piece."""

    def __init__(self, request: ViewRequest, span: Span | None) -> None:
        self._request, self._span = request, span
        self._series: dict[str, _Series] = {}
        self._count = 0
        if request.fields is not None:
            self._series = {name: _Series() for name in request.fields}

    def add(self, x: Sequence[Any], columns: Columns) -> None:
        """Points in the order of their indices."""
        request, span = self._request, self._span
        assert span is not None, "without a span there is nothing to add"
        are_all = isinstance(x, range) and _are_all_inside(x, request)
        inside = [True] * len(x) if are_all else are_drawn(x, columns, request)
        self._count += sum(inside)
        for name, values in columns.items():
            if not request.draws(name, self._series):
                continue
            if are_all and isinstance(values, array):  # packed numbers, none of them NaN: none is looked at
                self._series.setdefault(name, _Series()).add_packed(x, values, span, request.columns)
                continue
            found = [
                (at, value)
                for at, value, drawn in zip(x, values, inside, strict=True)
                if drawn and is_number(value) and value == value
            ]
            if found:
                self._series.setdefault(name, _Series()).add(found, span, request.columns)

    def view(self) -> MetricView:
        request, span = self._request, self._span
        fields = {name: one.series(span, request.columns) for name, one in self._series.items()}
        sampled = any(one.count > len(fields[name]["x"]) for name, one in self._series.items())
        return {
            "x": request.x,
            "start": span and span.low,
            "end": span and span.high,
            "totalPoints": self._count,
            "sampled": sampled,
            "edges": edges(span, request.columns) if span and sampled else [],
            "spans": [],
            "fields": fields,
        }


class _Series:
    """The points of one field so far, thinned out now and then."""

    def __init__(self) -> None:
        self.count = 0
        self._x: list[Number] = []
        self._y: list[Number] = []

    def add(self, found: Sequence[tuple[Number, Number]], span: Span, columns: int) -> None:
        self.count += len(found)
        self._x.extend(x for x, _ in found)
        self._y.extend(y for _, y in found)
        self._thin_out_now_and_then(span, columns)

    def add_packed(self, x: Sequence[Number], y: Sequence[Number], span: Span, columns: int) -> None:
        """The same of packed numbers, which are thinned out before they are unpacked, where not all will be kept."""
        self.count += len(x)
        if self.count > KEPT_A_COLUMN * columns:
            places = kept(x, y, span, columns)
            self._x.extend([x[at] for at in places])
            self._y.extend([y[at] for at in places])
        else:
            self._x.extend(x)
            self._y.extend(y)
        self._thin_out_now_and_then(span, columns)

    def _thin_out_now_and_then(self, span: Span, columns: int) -> None:
        if len(self._x) > _PIECE + 2 * KEPT_A_COLUMN * columns:
            self._thin_out(span, columns)

    def series(self, span: Span | None, columns: int) -> ViewSeries:
        if span is not None:
            if self.count > KEPT_A_COLUMN * columns:
                self._thin_out(span, columns)
            else:
                self._take(sorted(range(len(self._x)), key=self._x.__getitem__))
        return {"x": self._x, "y": self._y}

    def _thin_out(self, span: Span, columns: int) -> None:
        self._take(kept(self._x, self._y, span, columns))

    def _take(self, places: Sequence[int]) -> None:
        self._x, self._y = [self._x[at] for at in places], [self._y[at] for at in places]


def kept(x: Sequence[Number], y: Sequence[Number], span: Span, columns: int) -> list[int]:
    """Places in `x` and `y` of the points that a view keeps, in the order of x; of equal x in the order given."""
    by_numpy = _by_numpy()
    return _kept_by_loop(x, y, span, columns) if by_numpy is None else by_numpy.kept(x, y, span, columns)


def pieces_of(
    points: Iterable[Sequence[Mapping[str, Any]]], x: str, seconds: Callable[[str], float]
) -> Iterator[Piece]:
    """Pages of points, as `read` gives them, as pieces. `seconds`: what a createdAt says."""
    for page in points:
        names = dict.fromkeys(name for point in page for name in point["data"])
        columns = {name: [point["data"].get(name) for point in page] for name in names}
        yield _x_of_page(page, columns, x, seconds), columns


def x_column(x: str, indices: Sequence[int], times: Sequence[float], columns: Columns) -> Sequence[Any]:
    """The x of points: their index; their time, which is `_ts` where that was given; or a field of theirs."""
    if x == INDEX:
        return indices
    if x == TIME:
        stamps = columns.get(TIMESTAMP)
        if stamps is None:
            return times
        return [stamp if is_number(stamp) else time for stamp, time in zip(stamps, times, strict=True)]
    return columns.get(x) or [None] * len(indices)


def _x_of_page(
    page: Sequence[Mapping[str, Any]], columns: Columns, x: str, seconds: Callable[[str], float]
) -> Sequence[Any]:
    indices = [point["index"] for point in page]
    times = [seconds(point["createdAt"]) for point in page] if x == TIME else ()
    return x_column(x, indices, times, columns)


def _are_all_inside(x: range, request: ViewRequest) -> bool:
    """Whether no point of these indices has to be looked at to know that it is drawn."""
    return not request.filters and all(_is_inside(index, request) for index in (*x[:1], *x[-1:]))


def are_drawn(x: Sequence[Any], columns: Columns, request: ViewRequest) -> list[bool]:
    """Which of these points are drawn."""
    found = [_is_inside(value, request) for value in x]
    for one in request.filters:
        values = columns.get(one.field) or [None] * len(found)
        found = [inside and one.passes(value) for inside, value in zip(found, values, strict=True)]
    return found


def _is_inside(x: Any, request: ViewRequest) -> bool:
    return (
        is_number(x)
        and math.isfinite(x)
        and (request.start is None or x >= request.start)
        and (request.end is None or x <= request.end)
    )


def _kept_by_loop(x: Sequence[Number], y: Sequence[Number], span: Span, columns: int) -> list[int]:
    low, scale, last = span.low / 2, columns_a_half(span, columns), columns - 1
    order = sorted(range(len(x)), key=x.__getitem__)
    chosen: list[int] = []
    column, first, least, greatest, before = -1, 0, 0, 0, 0
    for at in order:
        here = min(last, int((x[at] / 2 - low) * scale))
        if here != column:
            if column >= 0:
                chosen.extend((first, least, greatest, before))
            column, first, least, greatest = here, at, at, at
        elif y[at] < y[least]:
            least = at
        elif y[at] > y[greatest]:
            greatest = at
        before = at
    if column >= 0:
        chosen.extend((first, least, greatest, before))
    wanted = set(chosen)
    return [at for at in order if at in wanted]


@functools.cache
def _by_numpy() -> Any:
    """None: NumPy is not installed. Loaded with the first view, never by `import mldash`."""
    try:
        from . import kept_points
    except ImportError:
        return None
    return kept_points
