"""What each pixel column holds of a run's fields, as arrays. Pure, and without a store: local mode draws by it too."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mldash.answers.downsample import ViewRequest
from mldash.answers.kept_points import Floats, Integers
from mldash.query.expressions.evaluating import Expression
from mldash_compactor.chunks.summaries import PLACES

from .shape import Shape
from .valued import FieldNumbers, Valued

if TYPE_CHECKING:
    from .drawing import Spots

Statistic = Literal["least", "greatest", "first", "last", "mean", "count", "missing"]
STATISTICS: Final[tuple[Statistic, ...]] = get_args(Statistic)
"""Of the numbers of one field in one pixel column; `missing`: points without a number there. NaN is no number."""


def inside(x: Floats, request: ViewRequest) -> NDArray[np.bool_]:
    """Which of these can be drawn."""
    found: NDArray[np.bool_] = np.isfinite(x)
    if request.start is not None:
        found &= x >= request.start
    if request.end is not None:
        found &= x <= request.end
    return found


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
        with np.errstate(invalid="ignore", over="ignore"):  # what has no sum: NaN; what is too great: infinite
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

    def add_blocks(self, column: Integers, spots: "Spots") -> None:
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


class RunCells:
    """All cells of one run."""

    def __init__(self, shape: Shape, request: ViewRequest, expressions: Sequence[Expression] = ()) -> None:
        """`expressions` have cells of their own, by their texts, of the points that are added."""
        self.shape, self._request = shape, request
        self.events = np.zeros(shape.columns, np.int64)
        self.fields: dict[str, Cells] = {name: Cells(shape.columns) for name in request.fields or ()}
        self.derived: dict[str, Cells] = {one.text: Cells(shape.columns) for one in expressions}
        self._valued = Valued(expressions)

    def gap(self) -> None:
        """Points are left out between those that were added and those that come."""
        self._valued.gap()

    def add_numbers(self, x: Floats, first_index: int, found: Mapping[str, FieldNumbers]) -> None:
        """Consecutive points, the first of them at this index, in the order of their indices: their x, NaN where one
        has none, and of each field which of them have a number, and which. Those count that lie inside of what was
        asked for."""
        drawn = inside(x, self._request)
        column = self.shape.column_of(np.where(drawn, x, self.shape.span.low))
        np.add.at(self.events, column[drawn], 1)
        for text, at, y in self._valued.add(found, np.where(drawn, x, np.nan)):
            cells = self.derived[text]
            cells.add_totals(column[at], np.ones(len(at), np.int64), y)
            cells.add_values(column[at], x[at], first_index + at, y)
        for name, (at, numbers) in found.items():
            if not self._request.draws(name, self.fields):
                continue
            there = drawn[at]
            at, y = at[there], numbers[there]
            if len(at):
                cells = self._cells(name)
                cells.add_totals(column[at], np.ones(len(at), np.int64), y)
                cells.add_values(column[at], x[at], first_index + at, y)

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
