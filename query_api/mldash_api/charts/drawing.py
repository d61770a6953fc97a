"""A view that is being made of points and of blocks, in bounded memory.

A block is the events of one summary, at most as many as a pixel column is wide. It lies in the column of its middle,
with all of its values: so where blocks are drawn, columns begin and end where blocks do, and `edges` says where that
is. The kept values of a column are exact, whether they come from points or from blocks.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from mldash.answers.downsample import INDEX, TIME, ViewRequest
from mldash.answers.filters import Filter
from mldash.answers.kept_points import Floats, Integers, columns_of
from mldash.answers.pixel_columns import KEPT_A_COLUMN, Number, Span, edges
from mldash.answers.shapes import MetricView, ViewSeries
from mldash.query.expressions.evaluating import Expression
from mldash_compactor.chunks.points import event_times
from mldash_compactor.chunks.rows import Part

from .cells import inside
from .dots import Dots, Numbers, in_order, kept, numbers_of, together
from .valued import Valued

_PIECE = 262_144
"""Points that are gathered before they are thinned out."""


class Blocks(NamedTuple):
    """Neighbouring blocks: how many events each has, from which x to which, and the spots of each field."""

    events: Integers
    low: Floats
    high: Floats
    spots: Mapping[str, "Spots"]


class Spots(NamedTuple):
    """Of one field: the points that blocks name, and in which block each; how many numbers all blocks have.

    All first ones come first, then the last, the least, the greatest (PLACES), each by its block.

    `blocks`: those with a number; `counts`, `sums`: of the numbers of each of them.
    """

    block: Integers
    indices: Integers
    times: Floats
    y: Numbers
    number_count: int
    blocks: Integers
    counts: Integers
    sums: Floats


class Points(NamedTuple):
    """Rows start … stop - 1 of a part, and the x of each; NaN: it has none."""

    part: Part
    start: int
    stop: int
    x: Numbers


def points_of(part: Part, start: int, stop: int, x: str) -> Points:
    """`x`: their index, their time or a field of theirs."""
    if x == INDEX:
        return Points(
            part, start, stop, Numbers.of(np.arange(part.first_index + start, part.first_index + stop, dtype=np.int64))
        )
    if x == TIME:
        return Points(part, start, stop, Numbers.of(event_times(part)[start:stop]))
    floats, whole = np.full(stop - start, np.nan), np.zeros(stop - start, np.int64)
    is_whole = np.zeros(stop - start, np.bool_)
    found = numbers_of(part, start, stop).get(x)
    if found is not None:
        rows, numbers = found
        floats[rows - start], whole[rows - start], is_whole[rows - start] = numbers
    return Points(part, start, stop, Numbers(floats, whole, is_whole))


def chosen_by(filters: Sequence[Filter], points: Points) -> Points:
    """The same, without an x where a filter does not hold."""
    if not filters:
        return points
    numbers = numbers_of(points.part, points.start, points.stop)
    passed = np.ones(points.stop - points.start, np.bool_)
    for one in filters:
        holds = np.zeros(len(passed), np.bool_)
        if one.field in numbers:
            rows, found = numbers[one.field]
            holds[rows - points.start] = one.holds(found.floats)
        passed &= holds
    floats, whole, is_whole = points.x
    return points._replace(x=Numbers(np.where(passed, floats, np.nan), whole, is_whole & passed))


class SpanOf:
    """The least and the greatest x of what is drawn; `span` is None as long as there is nothing."""

    def __init__(self) -> None:
        self.span: Span | None = None

    def add_points(self, points: Points, request: ViewRequest) -> None:
        places = np.flatnonzero(inside(points.x.floats, request))
        if len(places):
            x = points.x.floats[places]
            ends = points.x.take(places[[int(x.argmin()), int(x.argmax())]]).to_list()
            self.add(ends[0], ends[1])

    def add(self, low: Number, high: Number) -> None:
        before = self.span or Span(low, high)
        self.span = Span(min(before.low, low), max(before.high, high))


class Drawing:
    """One view: blocks and points in any order."""

    def __init__(self, request: ViewRequest, span: Span | None, expressions: Sequence[Expression] = ()) -> None:
        """`expressions` are drawn of the points that are added, in the order of their indices."""
        self._request, self._span = request, span
        self._count = 0
        self._valued = Valued(expressions)
        self._derived = {one.text: _Series() for one in expressions}
        self._series: dict[str, _Series] = {name: _Series() for name in request.fields or ()}
        columns = request.columns
        self._low, self._high = np.full(columns, np.inf), np.full(columns, -np.inf)  # of the blocks in each column
        self._has_blocks = False
        self._least, self._greatest = self._low.copy(), self._high.copy()  # of all that is in each column

    def gap(self) -> None:
        """Points are left out between those that were added and those that come."""
        self._valued.gap()

    def add_points(self, points: Points) -> None:
        """Those that lie inside of what was asked for."""
        request, span = self._request, self._span
        assert span is not None, "without a span there is nothing to add"
        drawn = inside(points.x.floats, request)
        self._count += int(np.count_nonzero(drawn))
        column = columns_of(np.where(drawn, points.x.floats, span.low), span, request.columns)
        self._reach(column[drawn], points.x.floats[drawn], points.x.floats[drawn])
        found = numbers_of(points.part, points.start, points.stop)
        if self._derived:
            self._add_values(found, points, column, np.where(drawn, points.x.floats, np.nan))
        for name, (rows, numbers) in found.items():
            if not request.draws(name, self._series):
                continue
            at = rows - points.start
            if not drawn.all():
                there = drawn[at]
                rows, at, numbers = rows[there], at[there], numbers.take(there)
            if len(at):
                index = (points.part.first_index + rows).astype(np.int64)
                self._add(name, Dots(points.x.take(at), numbers, index, column[at]), len(at))

    def _add_values(
        self, found: Mapping[str, tuple[Integers, Numbers]], points: Points, column: Integers, x: Floats
    ) -> None:
        """Of expressions; `x` is NaN where a point is not drawn."""
        numbers = {name: (rows - points.start, values.floats) for name, (rows, values) in found.items()}
        for text, at, y in self._valued.add(numbers, x):
            index = points.part.first_index + points.start + at
            dots = Dots(points.x.take(at), Numbers.of(y), index, column[at])
            self._derived[text].add(dots, len(at), self._request.columns)

    def add_blocks(self, blocks: Blocks) -> None:
        """Each of them lies inside as a whole."""
        request, span = self._request, self._span
        assert span is not None, "without a span there is nothing to add"
        self._count += int(blocks.events.sum())
        column = columns_of(blocks.low / 2 + blocks.high / 2, span, request.columns)
        np.minimum.at(self._low, column, blocks.low)
        np.maximum.at(self._high, column, blocks.high)
        self._has_blocks = True
        self._reach(column, blocks.low, blocks.high)
        for name, spots in blocks.spots.items():
            if spots.number_count and request.draws(name, self._series):
                x = Numbers.of(spots.indices if request.x == INDEX else spots.times)
                self._add(name, Dots(x, spots.y, spots.indices, column[spots.block]), spots.number_count)

    @property
    def kept(self) -> int:
        """Points that the view would hold now, at most."""
        most = KEPT_A_COLUMN * self._request.columns
        return sum(min(one.count, most) for one in (*self._series.values(), *self._derived.values()))

    def view(self, *, sampled: bool = False) -> MetricView:
        """`sampled`: points were left out already before they came here."""
        request, span = self._request, self._span
        fields = {name: one.series(request.columns) for name, one in self._series.items()}
        derived = {text: one.series(request.columns) for text, one in self._derived.items()}
        sampled = sampled or any(one.count > len(fields[name]["x"]) for name, one in self._series.items())
        sampled = sampled or any(one.count > len(derived[text]["x"]) for text, one in self._derived.items())
        found: MetricView = {
            "x": request.x,
            "start": span and span.low,
            "end": span and span.high,
            "totalPoints": self._count,
            "sampled": sampled,
            "edges": self._edges(span) if span and sampled else [],
            "spans": self._spans() if sampled and self._has_blocks else [],
            "fields": fields,
        }
        if derived:
            found["expressions"] = derived
        return found

    def _reach(self, column: Integers, low: Floats, high: Floats) -> None:
        np.minimum.at(self._least, column, low)
        np.maximum.at(self._greatest, column, high)

    def _spans(self) -> list[list[Number] | None]:
        """Only where columns overlap: else their edges say it."""
        filled = self._least <= self._greatest
        low, high = self._least[filled], self._greatest[filled]
        if not (np.maximum.accumulate(high)[:-1] > low[1:]).any():
            return []
        coming = iter(np.column_stack([low, high]).tolist())
        return [next(coming) if one else None for one in filled.tolist()]

    def _add(self, name: str, dots: Dots, count: int) -> None:
        self._series.setdefault(name, _Series()).add(dots, count, self._request.columns)

    def _edges(self, span: Span) -> list[Number]:
        """Those of the grid, moved out of the blocks that they would cut."""
        plain = edges(span, self._request.columns)
        if not self._has_blocks or len(plain) < 3:
            return plain
        ended = np.maximum.accumulate(self._high)[:-1]  # where the blocks of all columns before have ended
        begin = np.minimum.accumulate(self._low[::-1])[::-1][1:]  # where those from this one on begin
        behind = ended + 1 if self._request.x == INDEX else np.nextafter(ended, np.inf)
        grid = np.asarray(plain[1:-1], np.float64)
        moved = np.minimum(np.where(ended >= grid, behind, grid), begin)
        return [plain[0], *np.maximum.accumulate(moved).tolist(), plain[-1]]


class _Series:
    """The points of one field so far, thinned out now and then."""

    def __init__(self) -> None:
        self.count = 0
        self._parts: list[Dots] = []
        self._held = 0

    def add(self, dots: Dots, count: int, columns: int) -> None:
        self.count += count
        self._parts.append(dots)
        self._held += len(dots.indices)
        if self._held > _PIECE + 2 * KEPT_A_COLUMN * columns:
            self._parts = [kept(together(self._parts))]
            self._held = len(self._parts[0].indices)

    def series(self, columns: int) -> ViewSeries:
        if not self._parts:
            return {"x": [], "y": []}
        dots = together(self._parts)
        # So few are all drawn, unless summaries have left some out already.
        dots = kept(dots) if self.count > KEPT_A_COLUMN * columns else in_order(dots)
        order: Sequence[int] = np.lexsort((dots.indices, dots.x.floats)).tolist()
        dots = dots.take(np.asarray(order, np.int64))
        return {"x": dots.x.to_list(), "y": dots.y.to_list()}
