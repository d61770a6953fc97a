"""One grid of pixel columns for many runs, and what each column holds of a run's field, as arrays. Pure.

whole columns   x is the index: a column is so many indices wide, a multiple of the summaries that it is made of
                (grains.py). So every block lies in one column, and every value is exact
even columns    x is a time or a field: columns of one width over the span. A block is at most as wide as a column
                (planning.py) and lies in that of its middle: of a long stream a value may lie half a column off
"""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from mldash.answers.downsample import ViewRequest
from mldash.answers.kept_points import Floats, Integers, columns_of
from mldash.answers.pixel_columns import Number, Span, edges
from mldash.query.expressions.evaluating import Evaluator, Expression
from mldash_compactor.chunks.summaries import PLACES

from .dots import Numbers, numbers_of
from .drawing import Blocks, Points, Spots, inside
from .grains import POINT, grain_of

Statistic = Literal["least", "greatest", "first", "last", "mean", "count", "missing"]
STATISTICS: Final[tuple[Statistic, ...]] = get_args(Statistic)
"""Of the numbers of one field in one pixel column; `missing`: points without a number there. NaN is no number."""


class Shape(NamedTuple):
    """The grid: `span` is the least and greatest x of it; `width`: indices a column, None where columns are even."""

    span: Span
    columns: int
    width: int | None

    @property
    def grain(self) -> int:
        """Of the summaries that its columns are made of."""
        return POINT if self.width is None else grain_of(self.width)

    def column_of(self, x: Floats) -> Integers:
        """In which column each lies; all lie in the span."""
        if self.width is None:
            return columns_of(x, self.span, self.columns)
        return ((x - self.span.low) // self.width).astype(np.int64)

    def edges(self) -> list[Number]:
        """Where columns begin, and where the last one ends."""
        if self.width is None:
            return edges(self.span, self.columns)
        return [self.span.low + at * self.width for at in range(self.columns + 1)]


def whole_shape(first: int, end: int, most: int) -> Shape:
    """Of the indices [first, end), which are some; at most so many columns, and at least about half of them."""
    width = -(-(end - first) // most)
    while True:
        grain = grain_of(width)
        width = -(-width // grain) * grain
        low = first if grain == POINT else first // width * width
        count = -(-(end - low) // width)
        if count <= most:
            return Shape(Span(low, low + count * width - 1), count, width)
        width += grain


def even_shape(span: Span, columns: int) -> Shape:
    """Over the span of times or of a field's values; a span of one place has one column."""
    return Shape(span, columns if span.low < span.high else 1, None)


class Cells:
    """Of one field of one run: a value a column, NaN where it has no number."""

    def __init__(self, columns: int) -> None:
        self.count, self.sum = np.zeros(columns, np.int64), np.zeros(columns)
        self.least, self.greatest = np.full(columns, np.inf), np.full(columns, -np.inf)
        self.first, self.last = np.full(columns, np.nan), np.full(columns, np.nan)
        self._first_at = np.full(columns, np.inf), np.zeros(columns, np.int64)
        self._last_at = np.full(columns, -np.inf), np.zeros(columns, np.int64)

    def add_totals(self, column: Integers, counts: Integers, sums: Floats) -> None:
        np.add.at(self.count, column, counts)
        np.add.at(self.sum, column, sums)

    def add_values(self, column: Integers, x: Floats, index: Integers, y: Floats) -> None:
        """Points by their column; some may come twice. They count for everything but the totals."""
        np.minimum.at(self.least, column, y)
        np.maximum.at(self.greatest, column, y)
        order = np.lexsort((index, x, column))
        column, x, index, y = column[order], x[order], index[order], y[order]
        begins = np.concatenate(([True], column[1:] != column[:-1]))
        ends = np.concatenate((begins[1:], [True]))
        _replace(self.first, self._first_at, column[begins], x[begins], index[begins], y[begins], sign=1)
        _replace(self.last, self._last_at, column[ends], x[ends], index[ends], y[ends], sign=-1)

    def add_blocks(self, column: Integers, spots: Spots) -> None:
        """Blocks in the order of their indices, which is that of x; `column`: of each that has numbers, none falls.

        As add_totals and add_values, by a step over neighbours: nothing has to be sorted.
        """
        begins = np.flatnonzero(np.concatenate(([True], column[1:] != column[:-1])))
        at = column[begins]
        self.count[at] += np.add.reduceat(spots.counts, begins)
        with np.errstate(invalid="ignore"):  # infinities of both signs have no sum: NaN
            self.sum[at] += np.add.reduceat(spots.sums, begins)
        first, last, least, greatest = spots.y.floats.reshape(len(PLACES), -1)
        self.least[at] = np.minimum(self.least[at], np.minimum.reduceat(least, begins))
        self.greatest[at] = np.maximum(self.greatest[at], np.maximum.reduceat(greatest, begins))
        index = spots.indices.reshape(len(PLACES), -1)
        ends = np.concatenate((begins[1:], [len(column)])) - 1
        for values, kept_at, y, i, places, sign in (
            (self.first, self._first_at, first, index[0], begins, 1),
            (self.last, self._last_at, last, index[1], ends, -1),
        ):
            _replace(values, kept_at, at, i[places].astype(np.float64), i[places], y[places], sign=sign)

    def statistic(self, name: Statistic, events: Integers) -> Floats:
        """`events`: of the run in each column. Where there is no number NaN, of counts 0."""
        if name == "count":
            return self.count.astype(np.float64)
        if name == "missing":
            return (events - self.count).astype(np.float64)
        if name == "mean":
            with np.errstate(invalid="ignore"):
                mean: Floats = self.sum / self.count
            return mean
        values: Floats = getattr(self, name)
        return np.where(self.count > 0, values, np.nan)

    def hides(self, events: Integers) -> NDArray[np.bool_]:
        """The columns that have numbers, and points without one beside them."""
        found: NDArray[np.bool_] = (self.count > 0) & (events > self.count)
        return found


def _replace(
    values: Floats,
    kept_at: tuple[Floats, Integers],
    column: Integers,
    x: Floats,
    index: Integers,
    y: Floats,
    *,
    sign: int,
) -> None:
    """By what comes before (sign 1) or behind (-1) what is there, in the order of x, then of the index."""
    kept_x, kept_index = kept_at[0][column], kept_at[1][column]
    wins = (sign * x < sign * kept_x) | ((x == kept_x) & (sign * index < sign * kept_index))
    at = column[wins]
    values[at], kept_at[0][at], kept_at[1][at] = y[wins], x[wins], index[wins]


class Grid:
    """All cells of one run."""

    def __init__(self, shape: Shape, request: ViewRequest, expressions: Sequence[Expression] = ()) -> None:
        """`expressions` have cells of their own, by their texts, of the points that are added."""
        self.shape, self._request = shape, request
        self.events = np.zeros(shape.columns, np.int64)
        self.fields: dict[str, Cells] = {name: Cells(shape.columns) for name in request.fields or ()}
        self.derived: dict[str, Cells] = {one.text: Cells(shape.columns) for one in expressions}
        self._evaluators = {one: Evaluator(one) for one in expressions}

    def gap(self) -> None:
        """Points are left out between those that were added and those that come."""
        for one in self._evaluators.values():
            one.gap()

    def add_points(self, points: Points) -> None:
        """Those that lie inside of what was asked for."""
        x = points.x.floats
        drawn = inside(x, self._request)
        column = self.shape.column_of(np.where(drawn, x, self.shape.span.low))
        np.add.at(self.events, column[drawn], 1)
        found = numbers_of(points.part, points.start, points.stop)
        self._add_values_of(found, points, np.where(drawn, x, np.nan), column)
        for name, (rows, numbers) in found.items():
            if not self._request.draws(name, self.fields):
                continue
            at = rows - points.start
            there = drawn[at]
            at, y = at[there], numbers.floats[there]
            if len(at):
                cells = self._cells(name)
                index = (points.part.first_index + rows[there]).astype(np.int64)
                cells.add_totals(column[at], np.ones(len(at), np.int64), y)
                cells.add_values(column[at], x[at], index, y)

    def _add_values_of(
        self, found: dict[str, tuple[Integers, Numbers]], points: Points, x: Floats, column: Integers
    ) -> None:
        """Those of expressions; `x` is NaN where a point is not drawn."""
        for expression, evaluator in self._evaluators.items():
            columns = dict[str, Floats]()
            for name in expression.fields:
                if name in found:
                    rows, numbers = found[name]
                    columns[name] = np.full(len(x), np.nan)
                    columns[name][rows - points.start] = numbers.floats
            values = evaluator.add(columns, x)
            at = np.flatnonzero(~np.isnan(values) & ~np.isnan(x))
            if len(at):
                cells, y = self.derived[expression.text], values[at]
                cells.add_totals(column[at], np.ones(len(at), np.int64), y)
                cells.add_values(column[at], x[at], points.part.first_index + points.start + at, y)

    def add_blocks(self, blocks: Blocks) -> None:
        """Each of them lies inside as a whole."""
        column = self.shape.column_of(blocks.low / 2 + blocks.high / 2)
        np.add.at(self.events, column, blocks.events)
        for name, spots in blocks.spots.items():
            if spots.number_count and self._request.draws(name, self.fields):
                cells = self._cells(name)
                if self.shape.width is not None:
                    cells.add_blocks(column[spots.blocks], spots)
                    continue
                cells.add_totals(column[spots.blocks], spots.counts, spots.sums)
                cells.add_values(column[spots.block], spots.times, spots.indices, spots.y.floats)

    @property
    def held(self) -> int:
        """Values in memory."""
        return (len(self.fields) + len(self.derived)) * self.shape.columns

    def series(self) -> list[tuple[str, bool, Cells]]:
        """Fields, then expressions (True), by their names or texts."""
        fields = [(name, False, cells) for name, cells in self.fields.items()]
        return fields + [(text, True, cells) for text, cells in self.derived.items()]

    def _cells(self, name: str) -> Cells:
        if name not in self.fields:
            self.fields[name] = Cells(self.shape.columns)
        return self.fields[name]
