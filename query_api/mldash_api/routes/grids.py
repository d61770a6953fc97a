"""GET /v1/metrics/grid"""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from litestar import Request, Response, get
from litestar.params import QueryParameter

from mldash.answers.downsample import INDEX
from mldash.answers.limits import MOST_FIELDS
from mldash.answers.shapes import MetricGrid
from mldash_api.charts.cells import Statistic
from mldash_api.charts.derived import Derived
from mldash_api.charts.grid_answers import grid_arrow, values_in
from mldash_api.charts.grid_lists import grid_answer
from mldash_api.charts.grids import Grids, read_grids
from mldash_api.charts.group_answers import Grouping, banded_answer, banded_arrow, numbers_in
from mldash_api.charts.groups import Group, Over, groups_of
from mldash_api.exports.formats import also_as
from mldash_api.limits import DEFAULT_COLUMNS, MOST_GROUP_FIELDS
from mldash_api.rights.caller import Caller, scopes_of
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.search.asking import values_of
from mldash_api.search.index import RunIndex
from mldash_api.times import iso_or_none

from .chart_parameters import (
    Bound,
    Columns,
    Expressions,
    FilterText,
    Prefixes,
    XName,
    checked_chart,
)
from .chart_streams import metrics_of
from .dependencies import OurCaller, OurForm, OurIndex, OurStores
from .leaving import while_connected, within
from .parameters import StreamName, Unnamed, checked_prefix, metric_name
from .search_fields import named_fields

ARROW: Final = "application/vnd.apache.arrow.stream"


@get("/grid", tags=["metrics"], operation_class=also_as(ARROW), opt=needs("read", "prefixes", OF_EXPERIMENT))
async def grid(
    request: Request[Any, Any, Any],
    stores: OurStores,
    index: OurIndex,
    caller: OurCaller,
    form: OurForm,
    prefixes: Prefixes,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: Annotated[
        list[str] | None,
        QueryParameter(
            description=f"These alone; else the first {MOST_FIELDS} numeric of each, or with `expression` none."
        ),
    ] = None,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    filter: FilterText = None,
    expression: Expressions = None,
    statistics: Annotated[
        list[Statistic] | None,
        QueryParameter(description="Least and greatest, if left out; of groups the mean."),
    ] = None,
    group: Annotated[
        list[str] | None,
        QueryParameter(description="Fields of runs, as in a filter: runs with the same values are one group."),
    ] = None,
    over: Annotated[
        list[Over] | None,
        QueryParameter(description="Of the runs of a group: mean, min and max, if left out; all runs without `group`."),
    ] = None,
    format: Annotated[
        Literal["arrow"] | None, QueryParameter(description="Left out: what `Accept` names; arrow is an IPC stream.")
    ] = None,
) -> Response[MetricGrid]:
    """One metric of many experiments on one grid: the same pixel columns for all, so that a chart needs one x.

    By index a column is so many indices wide that every value is exact; there are at most `points` of them.
    """
    is_grouped = group is not None or over is not None
    chosen = list(dict.fromkeys(statistics or (("mean",) if is_grouped else ("least", "greatest"))))
    asked, expressions, hidden = checked_chart(fields, expression, x, (start, end), points, filter)
    derived = Derived(expressions, hidden, chosen)
    metric = metric_name(name, unnamed)

    async def read() -> tuple[Grids, Grouping | None]:
        streams = await metrics_of(stores, prefixes, metric)
        by = await _grouping(index, caller, prefixes, group, over) if is_grouped else None
        return await read_grids(stores, streams, asked, derived), by

    reading = within(stores.settings.chart_timeout_s, read())
    grids, by = await while_connected(request, reading) or (Grids(None, [None] * len(prefixes)), None)
    as_arrow = format == "arrow" or request.accept.best_match([form.media_type, ARROW]) == ARROW
    if by is not None:
        count = numbers_in(grids, chosen, by)
        if as_arrow:
            return await form.file(count, ARROW, lambda: banded_arrow(grids, prefixes, x, chosen, by))
        return await form.built(count, lambda: banded_answer(grids, prefixes, x, chosen, by))
    count = values_in(grids, chosen)
    if as_arrow:
        return await form.file(count, ARROW, lambda: grid_arrow(grids, prefixes, x, chosen))
    return await form.built(count, lambda: grid_answer(grids, prefixes, x, chosen))


def shown_to(caller: Caller) -> list[str]:
    """Scopes whose runs the index may tell this caller of; by a link that of its experiment, for the guard has looked
    whether others are asked for."""
    return scopes_of(caller, "read") if caller.opens is None else [caller.opens.prefix]


async def _grouping(
    index: RunIndex, caller: Caller, prefixes: Sequence[str], group: list[str] | None, over: list[Over] | None
) -> Grouping:
    """Raises WrongFilter, WrongParameter, IndexBuilding, QueryTooLong."""
    texts = [checked_prefix(prefix).text for prefix in prefixes]
    once = [run for run, text in enumerate(texts) if text not in texts[:run]]
    chosen = tuple(dict.fromkeys(over or ("mean", "min", "max")))
    if group is None:
        return Grouping([Group({}, once)], chosen, None)
    by = named_fields("group", group, MOST_GROUP_FIELDS)
    found, as_of = await values_of(index, shown_to(caller), texts, by)
    groups = groups_of([found.get(texts[run], {}) for run in once], [text for text, _ in by])
    placed = [Group(one.values, [once[at] for at in one.runs]) for one in groups]
    return Grouping(placed, chosen, iso_or_none(as_of))
