"""Many local runs on one grid, as the API puts its runs on one (mldash_api/charts/grids.py), by the same cells.

Every point is looked at: nothing is summarised, and nothing is sampled. What was read of a metric is kept packed, the
metrics that were drawn last first, within KEPT_BYTES.
"""

from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np
from msgspec import structs

from mldash.answers.downsample import INDEX, ViewRequest
from mldash.answers.kept_points import Floats
from mldash.answers.pixel_columns import Span
from mldash.client.kept_runs import KeptRun, KeptRuns
from mldash.client.unreadable import RunUnreadable
from mldash.events.field_statistics import is_number
from mldash.local.reading.charted import ChartedPoints
from mldash.local.reading.stream_rows import StreamRows
from mldash.query.expressions.evaluating import Expression
from mldash_api.charts.cells import RunCells, inside
from mldash_api.charts.shape import Shape, even_shape, whole_shape
from mldash_api.charts.valued import FieldNumbers
from mldash_api.errors import AnswerTooLarge
from mldash_api.limits import MOST_GRID_CELLS

KEPT_BYTES: Final = 512 << 20


class LocalGridded(NamedTuple):
    """One run on the grid. `sampled` is never true."""

    grid: RunCells
    sampled: bool


class LocalGrids(NamedTuple):
    """`shape` is None where no run has a point; then each of `runs` is None, as those are that are not there."""

    shape: Shape | None
    runs: list[LocalGridded | None]


class AskedGrid(NamedTuple):
    """`hidden`: fields that expressions alone need."""

    metric: str | None
    request: ViewRequest
    expressions: Sequence[Expression] = ()
    hidden: frozenset[str] = frozenset()


class Charts:
    """What was read of metrics. For one thread at a time."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept = OrderedDict[tuple[str, str | None], tuple[KeptRun, ChartedPoints]]()

    def of(self, run: KeptRun, metric: str | None) -> ChartedPoints:
        """Of a run that was made anew, as of a folder that came back, nothing is kept."""
        known = self._kept.pop((run.prefix, metric), None)
        kept = known if known is not None and known[0] is run else (run, ChartedPoints())
        self._kept[run.prefix, metric] = kept
        while len(self._kept) > 1 and sum(one.held_bytes for _, one in self._kept.values()) > self._most_bytes:
            self._kept.popitem(last=False)
        return kept[1]


class Drawn(NamedTuple):
    """One run's points as they are at the first look, for both looks."""

    run: KeptRun
    rows: StreamRows


_One = TypeVar("_One", KeptRun, Drawn)
_Read = TypeVar("_Read")


def read_grids(runs: KeptRuns, charts: Charts, prefixes: Sequence[str], asked: AskedGrid) -> LocalGrids:
    """`prefixes`: checked. One of several that can't be read is left out. Raises AnswerTooLarge, RunUnreadable."""
    drawn = drawn_of(runs, prefixes, asked.metric)
    looked = _of_each(drawn, lambda one: _span_of(runs, charts, one, asked))
    spans = [span for span in looked.values() if span is not None]
    if not spans:
        return LocalGrids(None, [None] * len(prefixes))
    shape = _shape_of(spans, asked.request)
    low, high = asked.request.start, asked.request.end
    within = structs.replace(
        asked.request,
        columns=shape.columns,
        start=shape.span.low if low is None else low,
        end=shape.span.high if high is None else high,
    )
    _check_cells(within, asked, len(prefixes))
    asked = asked._replace(request=within)
    held = 0

    def filled_of(one: Drawn) -> LocalGridded:
        nonlocal held
        gridded = _filled(runs, charts, one, asked, shape, held)
        held += gridded.grid.held
        return gridded

    filled = _of_each({prefix: drawn[prefix] for prefix in looked}, filled_of)
    return LocalGrids(shape, [filled.get(prefix) for prefix in prefixes])


def drawn_of(runs: KeptRuns, prefixes: Sequence[str], metric: str | None) -> dict[str, Drawn]:
    """Of those that are there, by prefix. Raises RunUnreadable, where one alone is asked for."""
    found = runs.find()
    there = {prefix: found[prefix] for prefix in prefixes if prefix in found}

    def begun(run: KeptRun) -> Drawn:
        with runs.lock, run.reading() as reader:
            return Drawn(run, reader.metric_rows(metric))

    return _of_each(there, begun)


def _of_each(ones: Mapping[str, _One], read: Callable[[_One], _Read]) -> dict[str, _Read]:
    """Of each that can be read; of one alone it is said when it can't."""
    found = dict[str, _Read]()
    for prefix, one in ones.items():
        try:
            found[prefix] = read(one)
        except RunUnreadable as error:
            if len(ones) == 1:
                raise
            (one.run if isinstance(one, Drawn) else one).tell(error)
    return found


def _check_cells(within: ViewRequest, asked: AskedGrid, count: int) -> None:
    """Raises AnswerTooLarge."""
    cells = (len(within.fields or ()) + len(asked.expressions)) * within.columns * count
    if cells > MOST_GRID_CELLS:
        raise AnswerTooLarge(cells, MOST_GRID_CELLS, "ask for fewer experiments or `fields`, or set `points` lower")


def _shape_of(spans: Sequence[Span], request: ViewRequest) -> Shape:
    low, high = min(span.low for span in spans), max(span.high for span in spans)
    if request.x == INDEX:
        return whole_shape(int(low), int(high) + 1, request.columns)
    return even_shape(Span(low, high), request.columns)


def _bounds(rows: StreamRows, request: ViewRequest) -> tuple[int, int]:
    first, end = request.indices
    return first, rows.count if end is None else min(end, rows.count)


def _span_of(runs: KeptRuns, charts: Charts, drawn: Drawn, asked: AskedGrid) -> Span | None:
    first, end = _bounds(drawn.rows, asked.request)
    if asked.request.x == INDEX:
        return Span(first, end - 1) if first < end else None
    low, high = np.inf, -np.inf
    with runs.lock, drawn.run.reading():
        for _, x, _ in pieces_of(charts, drawn, asked):
            there = x[inside(x, asked.request)]
            if len(there):
                low, high = min(low, float(there.min())), max(high, float(there.max()))
    return Span(low, high) if low <= high else None


def _filled(runs: KeptRuns, charts: Charts, drawn: Drawn, asked: AskedGrid, shape: Shape, held: int) -> LocalGridded:
    """`held`: values of the runs before, which count too. Raises AnswerTooLarge, RunUnreadable."""
    cells = RunCells(shape, asked.request, asked.expressions)
    with runs.lock, drawn.run.reading():
        for first, x, columns in pieces_of(charts, drawn, asked):
            cells.add_numbers(x, first, columns)
            if held + cells.held > MOST_GRID_CELLS:
                raise AnswerTooLarge(held + cells.held, MOST_GRID_CELLS, "ask for some `fields`, or set `points` lower")
    for name in asked.hidden:
        cells.fields.pop(name, None)
    return LocalGridded(cells, False)


def pieces_of(
    charts: Charts, drawn: Drawn, asked: AskedGrid
) -> Iterator[tuple[int, Floats, Mapping[str, FieldNumbers]]]:
    """The first index of each piece, its x, NaN where there is none or a filter does not hold, and its numbers."""
    request = asked.request
    filtered = {one.field for one in request.filters}
    wanted = None if request.fields is None else {*request.fields, *filtered}
    kept = charts.of(drawn.run, asked.metric)
    for indices, (x, columns) in kept.pieces(drawn.rows, request.x, *_bounds(drawn.rows, request)):
        at = _floats(x)
        numbers = {name: _floats(values) for name, values in columns.items() if wanted is None or name in wanted}
        for one in request.filters:
            values = numbers.get(one.field, np.full(len(at), np.nan))
            at = np.where(~np.isnan(values) & one.holds(values), at, np.nan)
        found = {name: (there, values[there]) for name, values in numbers.items() if len(there := _numbers(values))}
        yield indices.start, at, found


def _numbers(values: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.flatnonzero(~np.isnan(values)).astype(np.int64)


def _floats(values: Sequence[Any]) -> Floats:
    """NaN where there is no number."""
    if isinstance(values, range):
        return np.arange(values.start, values.stop, dtype=np.float64)
    if isinstance(values, array):
        return np.asarray(values, np.float64)
    return np.array([value if is_number(value) else np.nan for value in values], np.float64)
