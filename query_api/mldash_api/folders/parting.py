"""From where on two local runs go ways of their own (mldash_api/comparing/parting.py)."""

from collections.abc import Sequence

import numpy as np
from msgspec import structs

from mldash.answers.pixel_columns import Number
from mldash.answers.shapes import Parted
from mldash.client.kept_runs import KeptRuns
from mldash_api.charts.cells import inside
from mldash_api.comparing.parting import Points, apart_of, first_x, meeting, parted_at

from .grids import AskedGrid, Charts, drawn_of, pieces_of, read_grids


def find_parting(runs: KeptRuns, charts: Charts, prefixes: Sequence[str], asked: AskedGrid, together: int) -> Parted:
    """`asked` names one field; `prefixes` are two. Raises AnswerTooLarge, RunUnreadable."""
    grids = read_grids(runs, charts, prefixes, asked)
    one, two = grids.runs
    if grids.shape is None or one is None or two is None:
        return Parted("no common x")
    (field,) = asked.request.fields or ()
    apart = apart_of(grids.shape, (one.grid.fields[field], two.grid.fields[field]), together)
    if isinstance(apart, Parted):
        return apart
    first, second = prefixes

    def points_in(column: list[Number]) -> tuple[Points, Points]:
        of = asked._replace(request=structs.replace(asked.request, start=column[0], end=column[1]))
        return _points_of(runs, charts, first, field, of), _points_of(runs, charts, second, field, of)

    x = None if apart.before is None else meeting(points_in(apart.before), apart)
    return parted_at(first_x(points_in(apart.column)) if x is None else x, apart, asked.request)


def _points_of(runs: KeptRuns, charts: Charts, prefix: str, field: str, asked: AskedGrid) -> Points:
    """Of the column that the request is about, its end left out."""
    xs, ys = [np.empty(0)], [np.empty(0)]
    drawn = drawn_of(runs, [prefix], asked.metric).get(prefix)
    assert asked.request.end is not None, "of one column"
    if drawn is not None:
        with runs.lock, drawn.run.reading():
            for _, x, numbers in pieces_of(charts, drawn, asked):
                if field in numbers:
                    at, y = numbers[field]
                    there = inside(x[at], asked.request) & (x[at] < asked.request.end)
                    xs.append(x[at][there])
                    ys.append(y[there])
    return np.concatenate(xs), np.concatenate(ys)
