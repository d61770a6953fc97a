"""What a grid, or a view, shows of expressions over fields (mldash/query/expressions). Pure.

An expression has a value at each point where it is defined, and a column's statistics are those of these values, as of
a field. They are made

  of the field's columns  where the expression never falls, or never rises, with one field (monotone.py): its least is
                          its value at the field's least (or greatest), exactly; first, last, count and missing likewise
  of the points           else; of more than 1,000,000 points of a run, of parts that lie evenly (`sampled`)

The mean goes with the field's where the expression is a line of it, else it is made of points. So is a run of which the
expression has no value at the least or the greatest of a column: there, some of its points have none.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from msgspec import structs

from mldash.answers.downsample import ViewRequest
from mldash.answers.shapes import MetricView, ViewSeries
from mldash.query.expressions.evaluating import Evaluator, Expression
from mldash.query.expressions.monotone import Monotone, monotone

from .cells import Cells, Statistic
from .grid import Grid

_MEAN: Statistic = "mean"


class Derived(NamedTuple):
    """`expressions` by their texts; `hidden`: the fields that they alone need."""

    expressions: tuple[Expression, ...] = ()
    hidden: frozenset[str] = frozenset()
    statistics: Sequence[Statistic] = ()

    def shown(self, request: ViewRequest) -> ViewRequest:
        """The fields that were asked for themselves."""
        if not self.hidden:
            return request
        return structs.replace(request, fields=[name for name in request.fields or () if name not in self.hidden])

    @property
    def of_columns(self) -> bool:
        """Whether all of them may be made of the columns of fields."""
        found = [monotone(one.root) for one in self.expressions]
        return all(one is not None and (one.is_line or _MEAN not in self.statistics) for one in found)


NOTHING_DERIVED: Final = Derived()


def derive(grid: Grid, derived: Derived) -> bool:
    """Add their cells to a grid of fields. False: points have to tell."""
    for one in derived.expressions:
        way = monotone(one.root)
        assert way is not None, "it was asked whether all are"
        cells = _mapped(grid.fields[way.field], one, way)
        if cells is None:
            return False
        grid.derived[one.text] = cells
    return True


def derive_view(view: MetricView, derived: Derived) -> bool:
    """Add their points to the view of fields, whose first, last, least and greatest are theirs too. False: points have
    to tell."""
    found = dict[str, ViewSeries]()
    for one in derived.expressions:
        way = monotone(one.root)
        assert way is not None, "it was asked whether all are"
        series = view["fields"][way.field]
        values = np.array(series["y"], np.float64)
        y = Evaluator(one).add({way.field: values}, np.zeros(len(values)))
        if np.isnan(y).any():
            return False
        found[one.text] = {"x": list(series["x"]), "y": y.tolist()}
    for name in derived.hidden:
        view["fields"].pop(name, None)
    view["expressions"] = found
    return True


def hide(grid: Grid, derived: Derived) -> None:
    """What was not asked for itself."""
    for name in derived.hidden:
        grid.fields.pop(name, None)


def _mapped(cells: Cells, expression: Expression, way: Monotone) -> Cells | None:
    found, there = Cells(len(cells.count)), cells.count > 0
    x = np.zeros(int(np.count_nonzero(there)))

    def at(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return Evaluator(expression).add({way.field: values[there]}, x)

    ends = at(cells.least), at(cells.greatest)
    if np.isnan(ends).any():
        return None
    found.count = cells.count
    found.least[there], found.greatest[there] = ends if way.rises else ends[::-1]
    found.first[there], found.last[there] = at(cells.first), at(cells.last)
    with np.errstate(invalid="ignore"):
        found.sum[there] = at(cells.sum / np.maximum(cells.count, 1)) * cells.count[there] if way.is_line else np.nan
    return found
