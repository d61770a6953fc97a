"""What an API answers by itself, of local folders: by the same rules of what differs and what has parted
(mldash_api/comparing/)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import structs

from mldash.answers.downsample import INDEX, ViewRequest
from mldash.answers.shapes import Comparison, Parted
from mldash.client.client import Client
from mldash.client.open_run import OpenRun
from mldash.client.side_by_side import compare_folders

from .grids import Grid, grid_of, rows_of, series_of
from .points import Number, Series


class Folders:
    """A Backing (backing.py)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def compare(self, prefixes: Sequence[str]) -> Comparison:
        return compare_folders(Path(self._client.where), prefixes, everything=False)

    def parted(self, prefixes: Sequence[str], metric: str | None, request: ViewRequest, together: int) -> Parted:
        import numpy as np

        from mldash_api.comparing.apart import first_apart

        runs = [self._client.run(prefix) for prefix in prefixes]
        grid = grid_of(runs, metric, request)
        series = {} if grid is None else {one.run: one.columns for one in series_of(runs, metric, request, grid)}
        if grid is None or len(series) < len(runs):
            return Parted("no common x")
        common = [at for at in range(grid.count) if series[0][at].count and series[1][at].count]
        if not common:
            return Parted("no common x")
        bands = [[(series[run][at].least, series[run][at].greatest) for at in common] for run in (0, 1)]
        least, greatest = (np.array([[band[side] for band in one] for one in bands], np.float64) for side in (0, 1))
        place = first_apart(least, greatest, together)
        if place is None:
            return Parted("never")
        above = 0 if least[0, place] > greatest[1, place] else 1
        x = _exact_x(runs, metric, request, grid, common, place, above)
        column = [grid.edge(common[place]), grid.edge(common[place] + 1)]
        return Parted(
            "parted", x, column, above, [[float(least[at, place]), float(greatest[at, place])] for at in (0, 1)]
        )

    def series(self, prefixes: Sequence[str], metric: str | None, request: ViewRequest) -> list[Series]:
        runs = [self._client.run(prefix) for prefix in prefixes]
        grid = grid_of(runs, metric, request)
        return [] if grid is None else series_of(runs, metric, request, grid)


def _exact_x(
    runs: Sequence[OpenRun],
    metric: str | None,
    request: ViewRequest,
    grid: Grid,
    common: Sequence[int],
    place: int,
    above: int,
) -> Number | None:
    """As mldash_api/comparing/parted.py says: among the points of the column before, else the first of this one."""
    from mldash_api.comparing.apart import last_meeting

    if place:
        points = [_points(run, metric, request, grid, common[place - 1]) for run in runs]
        found = last_meeting(*points[above], *points[1 - above])
        if found is not None:
            return int(found) if request.x == INDEX else found
    firsts = [x[0] for x, _ in (_points(run, metric, request, grid, common[place]) for run in runs) if len(x)]
    first = min(firsts, default=None)
    return int(first) if first is not None and request.x == INDEX else first


def _points(run: OpenRun, metric: str | None, request: ViewRequest, grid: Grid, place: int) -> tuple[Any, Any]:
    """x and y of the numbers in one column, in the order of x."""
    import numpy as np

    (field,) = request.fields or ()
    asked = structs.replace(request, start=grid.edge(place), end=grid.edge(place + 1))
    found = [
        (x, row[field])
        for x, row in rows_of(run, metric, asked)
        if grid.place(x) == place and (value := row.get(field)) is not None and value == value
    ]
    found.sort(key=lambda one: one[0])
    return np.array([x for x, _ in found], np.float64), np.array([y for _, y in found], np.float64)
