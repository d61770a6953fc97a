"""A grid of groups as an answer: instead of a series a run, one a group, with what groups.py says over its runs.

JSON and MessagePack: `groups` and `bands` (mldash/answers/shapes.py, GridGroup, GridBand); `series` is empty.
Arrow: as of runs (grid_answers.py), a column is one number over the runs of one group, of one statistic of one field:
`mldash.group` (its number), `mldash.field`, `mldash.expression`, `mldash.statistic`, `mldash.over`; the schema's
metadata has `mldash.groups`, the groups as JSON (NaN and infinities as texts: null is a value of its own).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from mldash.answers.kept_points import Floats
from mldash.answers.rows import with_strings
from mldash.answers.shapes import GridBand, GridGroup, MetricGrid

from .cells import Cells, Statistic
from .grid_answers import arrow_stream, column_field
from .grid_lists import runs_of
from .grids import Gridded, Grids
from .groups import RESAMPLES, Group, Over, over_runs


class Grouping(NamedTuple):
    """`as_of`: how new what the groups are by was, in words."""

    groups: Sequence[Group]
    over: Sequence[Over]
    as_of: str | None


class _Band(NamedTuple):
    group: int
    field: str
    is_expression: bool
    statistic: Statistic
    numbers: dict[str, Floats]


def banded_answer(
    grids: Grids, prefixes: Sequence[str], x: str, statistics: Sequence[Statistic], by: Grouping
) -> MetricGrid:
    """`prefixes`: of the runs, in their order."""
    bands = list[GridBand]()
    for one in _bands(grids, statistics, by):
        over: dict[str, list[float | None]] = {name: values.tolist() for name, values in one.numbers.items()}
        bands.append({"group": one.group, "field": one.field, "statistic": one.statistic, "over": over})
        if one.is_expression:
            bands[-1]["expression"] = True
    edges = grids.shape.edges() if grids.shape else []
    answer: MetricGrid = {"x": x, "edges": edges, "runs": runs_of(grids, prefixes), "series": []}
    answer["groups"], answer["bands"], answer["asOf"] = _groups(by), bands, by.as_of
    return answer


def banded_arrow(grids: Grids, prefixes: Sequence[str], x: str, statistics: Sequence[Statistic], by: Grouping) -> bytes:
    """The whole stream."""
    columns = list[tuple[pa.Field, Floats]]()
    for one in _bands(grids, statistics, by):
        for name, values in one.numbers.items():
            told = {"group": str(one.group), "field": one.field, "statistic": one.statistic, "over": name}
            told |= {"expression": "true"} if one.is_expression else {}
            columns.append((column_field(f"{one.group} {one.field} {one.statistic} {name}", told), values))
    more = {"groups": msgspec.json.encode(with_strings(_groups(by))).decode(), "asOf": by.as_of or ""}
    return arrow_stream(grids, prefixes, x, columns, more)


def numbers_in(grids: Grids, statistics: Sequence[Statistic], by: Grouping) -> int:
    """How many are looked at for an answer, about."""
    times = 1 + sum(RESAMPLES if one == "ci" else 1 for one in by.over)
    return sum(one.grid.held for one in grids.runs if one is not None) * len(statistics) * times


def _bands(grids: Grids, statistics: Sequence[Statistic], by: Grouping) -> Iterator[_Band]:
    columns = grids.shape.columns if grids.shape else 0
    lacking = np.full(columns, np.nan)
    for number, group in enumerate(by.groups):
        there = [(one, _cells_of(one)) for run in group.runs if (one := grids.runs[run]) is not None]
        names = dict.fromkeys(name for _, cells in there for name in cells)
        for field, is_expression in names:
            for statistic in statistics:
                lines = [
                    cells[field, is_expression].statistic(statistic, one.grid.events)
                    if (field, is_expression) in cells
                    else lacking
                    for one, cells in there
                ]
                yield _Band(number, field, is_expression, statistic, over_runs(np.stack(lines), by.over))


def _cells_of(run: Gridded) -> dict[tuple[str, bool], Cells]:
    return {(name, is_expression): cells for name, is_expression, cells in run.grid.series()}


def _groups(by: Grouping) -> list[GridGroup]:
    return [{"values": group.values, "runs": group.runs} for group in by.groups]
