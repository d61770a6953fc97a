"""read_metric: a view of a metric of one or several runs on one grid, or its exact points."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from msgspec import structs

from mldash.answers.downsample import INDEX, ViewRequest
from mldash.answers.view_request import checked_request
from mldash.client.client import Client
from mldash.client.open_run import OpenRun

from .backing import Backing, check_metric, found_run, has_metric
from .budget import Answer, Part, fit, kept, wider
from .errors import NoSuchField, WrongArgument
from .pictures.drawing import picture_of
from .points import Column, Series, coarser
from .texts import QUOTED_IS_LOGGED, call_text, cell_text, number_text, quoted, table

_MOST_EXACT: Final = 2_000
_LOOKED_FOR_NAN: Final = 20_000
"""Points that are read to say where numbers are missing, of all runs together."""
_RANGES: Final = 5
_NAMED: Final = 10


class Asked:
    """The arguments, checked."""

    def __init__(self, runs: Sequence[str], metric: str | None, request: ViewRequest, budget: int) -> None:
        self.runs, self.metric, self.request, self.budget = runs, metric, request, budget

    def call(self, **more: Any) -> str:
        """The same, with other bounds or columns."""
        asked = self.request
        fields = None if asked.fields is None else [*asked.fields]
        known = {"runs": [*self.runs], "metric": self.metric, "fields": fields}
        bounds = {"x": None if asked.x == INDEX else asked.x, "start": asked.start, "end": asked.end}
        return call_text("read_metric", **{**known, **bounds, "columns": asked.columns, **more})


def read_metric(
    client: Client,
    backing: Backing,
    runs: Sequence[str],
    metric: str | None,
    fields: Sequence[str] | None,
    x: str,
    bounds: tuple[Any, Any],
    columns: int,
    budget: int,
    *,
    picture: bool = False,
) -> Answer:
    """A view. Raises NoSuchRun, NoSuchMetric, NoSuchField, PillowMissing."""
    request = checked_request(fields, x, *bounds, columns)
    opened = _opened(client, runs, metric, fields)
    asked = Asked(runs, metric, request, budget)
    series = backing.series([run.prefix for run in opened], metric, request)
    if not series:
        return fit([kept("No point with a number lies there. " + asked.call(start=None, end=None))], budget)
    marks = _marks(opened, metric, series, request)
    head = [f"{len(opened)} runs, {len(series)} series over {x}. {QUOTED_IS_LOGGED}"]
    if len(opened) > 1:
        head += [f"run {at} is {quoted(run.prefix, 200)}" for at, run in enumerate(opened[:_NAMED])]
    if len(opened) > _NAMED:
        head.append("The others are numbered on, in the order in which they were asked for.")
    if bare := [str(at) for at in range(len(opened)) if at not in {one.run for one in series}]:
        head.append(f"Without any number there: runs {', '.join(bare)}")
    parts = [kept("\n".join(head)), _whole(series, marks, asked), _grid(series, asked)]
    first = series[0].whole
    facts = {"series": len(series), "least": first.least, "greatest": first.greatest, "last": first.last}
    facts |= {"count": first.count, "missing": first.missing}
    answer = fit(parts, budget, facts if len(series) == 1 else {"series": len(series)})
    return structs.replace(answer, picture=picture_of(series, x)) if picture else answer


def read_exactly(
    client: Client,
    runs: Sequence[str],
    metric: str | None,
    fields: Sequence[str] | None,
    bounds: tuple[Any, Any],
    budget: int,
) -> Answer:
    """The points with the indices start to end, as they were logged."""
    if len(runs) != 1:
        raise WrongArgument("exact", "points are read of one run; several runs are read as a view")
    request = checked_request(fields, INDEX, *bounds, 1)
    (run,) = _opened(client, runs, metric, fields)
    asked = Asked(runs, metric, request, budget)
    first, end = request.indices
    page = run.metrics(metric).read(first, min(_MOST_EXACT, (end if end is not None else math.inf) - first), wait=0)  # type: ignore[arg-type]
    points = page["data"]
    names = list(dict.fromkeys(name for point in points for name in point["data"] if not fields or name in fields))
    behind = page["endIndex"] + 1
    is_more = page["hasMore"] and (end is None or behind < end)
    if not points:
        return fit([kept(f"No point has an index from {first} on.")], budget, {"count": 0})

    def text(size: int) -> str:
        lines = [
            [str(one["index"]), one["createdAt"], *(cell_text(one["data"], name) for name in names)]
            for one in points[:size]
        ]
        return table(["index", "logged at", *map(quoted, names)], lines)

    def told(size: int | None) -> tuple[str, str]:
        start = points[size or 0]["index"]
        return f"{len(points) - (size or 0)} of {len(points)} points", asked.call(exact=True, start=start, columns=None)

    head = f"Points {points[0]['index']} to {points[-1]['index']} of run {quoted(run.prefix, 1100)}. {QUOTED_IS_LOGGED}"
    parts = [kept(head), Part(text, told, range(len(points), 0, -1))]
    if is_more:
        parts.append(kept(f"More points come behind: {asked.call(exact=True, start=behind, columns=None)}"))
    return fit(parts, budget, {"count": len(points), "first_index": points[0]["index"], "last_index": behind - 1})


def _opened(client: Client, prefixes: Sequence[str], metric: str | None, fields: Sequence[str] | None) -> list[OpenRun]:
    """Raises WrongArgument, NoSuchRun; NoSuchMetric, NoSuchField where none of the runs has it."""
    if not prefixes:
        raise WrongArgument("runs", "at least one is read")
    runs = [found_run(client, prefix) for prefix in prefixes]
    if not any(has_metric(run, metric) for run in runs):
        check_metric(runs[0], metric)
    if fields:
        known = dict[str, None]()
        for run in runs:
            if has_metric(run, metric):
                known |= dict.fromkeys(run.metrics(metric).stats(wait=0)["fields"])
            if set(fields) <= known.keys():
                break
        for field in fields:
            if field not in known:
                raise NoSuchField(field, metric, known)
    return runs


def _marks(
    runs: Sequence[OpenRun], metric: str | None, series: Sequence[Series], request: ViewRequest
) -> dict[int, str]:
    """Of series without a number somewhere: at which indices, NaN and absent ones told apart, as far as can be read."""
    marks, left = dict[int, str](), _LOOKED_FOR_NAN
    for at, one in enumerate(series):
        hidden = [column for column in one.columns if column.missing]
        if not hidden or request.x != INDEX:
            continue
        nan, absent, unread = list[int](), list[int](), 0
        for column in hidden:
            first, end = math.ceil(column.low), math.floor(column.high)
            if request.start is not None:
                first = max(first, math.ceil(request.start))
            if request.end is not None:
                end = min(end, math.floor(request.end) + 1)
            if end - first > left:
                unread += column.missing
                continue
            left -= end - first
            _gather(runs[one.run], metric, one.field, first, end, nan, absent)
        told = [f"{name} at {_ranges(places)}" for name, places in (("NaN", nan), ("no number", absent)) if places]
        marks[at] = "; ".join([*told, *([f"{unread} more without a number"] if unread else [])])
    return marks


def _gather(
    run: OpenRun, metric: str | None, field: str, first: int, end: int, nan: list[int], absent: list[int]
) -> None:
    found: Mapping[str, Sequence[Any]] = run.metrics(metric).read_columns(
        first, max(0, end - first), fields=[field], wait=0
    )
    values = found.get(field) or [None] * len(found["index"])
    for index, value in zip(found["index"], values, strict=True):
        if isinstance(value, float) and value != value:
            nan.append(index)
        elif isinstance(value, bool) or not isinstance(value, int | float):
            absent.append(index)


def _ranges(places: Sequence[int]) -> str:
    """Neighbours together; of many ranges the first ones and the last."""
    ranges = list[list[int]]()
    for place in places:
        if ranges and ranges[-1][1] + 1 == place:
            ranges[-1][1] = place
        else:
            ranges.append([place, place])
    texts = [str(low) if low == high else f"{low}…{high}" for low, high in ranges]
    if len(texts) > _RANGES:
        texts = [*texts[: _RANGES - 1], f"… {len(texts) - _RANGES} ranges …", texts[-1]]
    return f"index {', '.join(texts)} ({len(places)} points)"


def _whole(series: Sequence[Series], marks: Mapping[int, str], asked: Asked) -> Part:
    """The figures of each series; at the coarsest of all together. Of many the oddest first: those with marks."""
    wholes = [one.whole for one in series]
    order = sorted(range(len(series)), key=lambda at: at not in marks)

    def line(at: int) -> str:
        one, found = series[at], wholes[at]
        said = f"run {one.run} field {quoted(one.field)}: {_figures(found)}; {_places(one, asked.request.x)}"
        return f"{said}; {marks[at]}" if at in marks else said

    def text(size: int) -> str:
        lines = [line(at) for at in order[:size]]
        if size < len(series):
            odd = [str(series[at].run) for at in marks]
            together = _figures(_together(wholes))
            lines.append(f"all {len(series)} series together: {together}")
            if odd:
                more = " …" if len(odd) > 20 else ""
                lines.append(f"without a number somewhere: runs {', '.join(odd[:20])}{more}")
        return "\n".join(lines)

    def told(size: int | None) -> tuple[str, str]:
        left = len(series) - (size or 0)
        return f"figures of {left} of {len(series)} series", asked.call(budget=wider(asked.budget))

    return Part(text, told, range(len(series), -1, -1), is_kept=True)


def _together(wholes: Sequence[Column]) -> Column:
    return Column(
        min(one.low for one in wholes),
        max(one.high for one in wholes),
        min((one.least for one in wholes if one.least is not None), default=None),
        max((one.greatest for one in wholes if one.greatest is not None), default=None),
        None,
        None,
        sum(one.count for one in wholes),
        sum(one.missing for one in wholes),
    )


def _figures(found: Column) -> str:
    names = ("least", "greatest", "first", "last")
    told = [f"{name} {number_text(value)}" for name in names if (value := getattr(found, name)) is not None]
    return ", ".join([*told, f"count {found.count}", f"no number {found.missing}"])


def _places(series: Series, x: str) -> str:
    """In which column the extremes lie."""
    filled = [one for one in series.columns if one.count]
    if not filled:
        return "no number at all"
    low = min(filled, key=lambda one: one.least if one.least is not None else math.inf)
    high = max(filled, key=lambda one: one.greatest if one.greatest is not None else -math.inf)
    return f"least in {x} {_span(low, x)}, greatest in {x} {_span(high, x)}"


def _span(column: Column, x: str) -> str:
    """Of indices the first and the last one."""
    if x == INDEX:
        first, last = math.ceil(column.low), math.ceil(column.high) - 1
        return str(first) if first >= last else f"{first}…{last}"
    return f"{number_text(column.low)}…{number_text(column.high)}"


def _grid(series: Sequence[Series], asked: Asked) -> Part:
    """The columns of all series, all as coarse as the budget wants it."""
    most = max(len(one.columns) for one in series)
    sizes = [most]
    while sizes[-1] > 2:
        sizes.append(-(-sizes[-1] * 3 // 4) if sizes[-1] > 8 else sizes[-1] - 1)

    def text(size: int) -> str:
        names = [asked.request.x, "least", "greatest", "first", "last", "count", "no number"]
        blocks = []
        for one in series:
            rows = [
                _row(column, asked.request.x) for column in coarser(one.columns, size) if column.count + column.missing
            ]
            blocks.append(f"run {one.run} field {quoted(one.field)}:\n{table(names, rows)}")
        return "\n\n".join(blocks)

    def told(size: int | None) -> tuple[str, str]:
        narrower = asked.call(budget=wider(asked.budget))
        if size is None:
            return f"the columns of {len(series)} series (fewer runs or fields leave room)", narrower
        return f"{most} columns, here coarser ones: {size} (or with a narrower start and end)", narrower

    return Part(text, told, sizes, rank=1)


def _row(one: Column, x: str) -> list[str]:
    numbers = [number_text(value) for value in (one.least, one.greatest, one.first, one.last)]
    return [_span(one, x), *numbers, str(one.count), str(one.missing)]
