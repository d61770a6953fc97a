"""A grid as lists: JSON or MessagePack (mldash/answers/shapes.py, MetricGrid). Pure, and without a store."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from mldash.answers.shapes import GridRun, GridSeries, MetricGrid

from .cells import RunCells, Statistic
from .shape import Shape


class Filled(Protocol):
    """One run on the grid. `sampled`: points were left out."""

    @property
    def grid(self) -> RunCells: ...

    @property
    def sampled(self) -> bool: ...


class FilledGrids(Protocol):
    """`shape` is None where no run has a point; then each of `runs` is None, as those are that have none."""

    @property
    def shape(self) -> Shape | None: ...

    @property
    def runs(self) -> Sequence[Filled | None]: ...


def grid_answer(grids: FilledGrids, prefixes: Sequence[str], x: str, statistics: Sequence[Statistic]) -> MetricGrid:
    """`prefixes`: of the runs, in their order."""
    series = list[GridSeries]()
    for run, found in enumerate(grids.runs):
        if found is None:
            continue
        events = found.grid.events
        for name, is_expression, cells in found.grid.series():
            values: dict[str, list[float | None]] = {one: cells.statistic(one, events).tolist() for one in statistics}
            hides = np.flatnonzero(cells.hides(events)).tolist()
            series.append({"run": run, "field": name, "statistics": values, "hides": hides})
            if is_expression:
                series[-1]["expression"] = True
    edges = grids.shape.edges() if grids.shape else []
    return {"x": x, "edges": edges, "runs": runs_of(grids, prefixes), "series": series}


def runs_of(grids: FilledGrids, prefixes: Sequence[str]) -> list[GridRun]:
    """What an answer says of each."""
    return [
        {
            "prefix": prefix,
            "totalPoints": 0 if found is None else int(found.grid.events.sum()),
            "sampled": found is not None and found.sampled,
        }
        for prefix, found in zip(prefixes, grids.runs, strict=True)
    ]
