"""GET /v1/compare, /v1/compare/parted, /v1/metrics/grid, /v1/metrics/view, /v1/metrics/views"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter, SkipValidation

from mldash.answers.downsample import INDEX, ViewRequest, empty_view
from mldash.answers.limits import MOST_COLUMNS
from mldash.answers.shapes import Comparison, MetricGrid, MetricView, Parted
from mldash.client.kept_runs import KeptRuns
from mldash.client.side_by_side import compared
from mldash.client.unreadable import RunUnreadable
from mldash_api.charts.cells import Statistic
from mldash_api.charts.grid_lists import grid_answer
from mldash_api.comparing.apart import TOGETHER
from mldash_api.comparing.rows import Rows
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_COLUMNS, MOST_VIEWS
from mldash_api.rights.needed import needs
from mldash_api.routes.chart_parameters import (
    Bound,
    Columns,
    Expressions,
    FilterText,
    Prefixes,
    XName,
    check_two,
    checked_chart,
    checked_local_view,
    checked_view,
)
from mldash_api.routes.parameters import (
    PrefixText,
    StreamName,
    Unnamed,
    checked_count,
    checked_name,
    checked_prefix,
    metric_name,
)

from .asking import OurForm, OurRuns, of_run
from .grids import AskedGrid, Charts, read_grids
from .parting import find_parting

OurCharts = NamedDependency[SkipValidation[Charts]]


class ExperimentView(TypedDict):
    prefix: str
    view: MetricView


class ViewsAnswer(TypedDict):
    views: list[ExperimentView]


@get("/compare", opt=needs("read", "everything"))
async def differences(
    runs: OurRuns,
    form: OurForm,
    prefixes: Prefixes,
    everything: Annotated[bool, QueryParameter(description="Rows in which all agree, too.")] = False,
) -> Response[Comparison]:
    """Parameters, context and statistics of many runs side by side."""
    texts = _checked(prefixes)
    return form.answer(await asyncio.to_thread(_compared, runs, texts, everything=everything))


@get("/compare/parted", opt=needs("read", "everything"))
async def parted(
    runs: OurRuns,
    charts: OurCharts,
    form: OurForm,
    prefixes: Prefixes,
    field: FromQuery[str],
    name: StreamName = None,
    unnamed: Unnamed = False,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    together: Annotated[int, QueryParameter(ge=1, le=MOST_COLUMNS)] = TOGETHER,
    filter: FilterText = None,
) -> Response[Parted]:
    """From which x on two runs go ways of their own."""
    check_two(prefixes)
    request = checked_view([checked_name("field", field)], x, (start, end), points, filter)
    asked, texts = AskedGrid(metric_name(name, unnamed), request), _checked(prefixes)
    return form.answer(await asyncio.to_thread(find_parting, runs, charts, texts, asked, together))


@get("/metrics/grid", opt=needs("read", "everything"))
async def grid(
    runs: OurRuns,
    charts: OurCharts,
    form: OurForm,
    prefixes: Prefixes,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: FromQuery[list[str] | None] = None,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    filter: FilterText = None,
    expression: Expressions = None,
    statistics: FromQuery[list[Statistic] | None] = None,
    group: FromQuery[list[str] | None] = None,
    over: FromQuery[list[str] | None] = None,
) -> Response[MetricGrid]:
    """One metric of many runs on one grid, as lists: an Arrow stream is the API's alone."""
    if group is not None or over is not None:
        raise WrongParameter("group" if group is not None else "over", "lines of groups are drawn over an API alone")
    chosen = list(dict.fromkeys(statistics or ("least", "greatest")))
    chart = checked_chart(fields, expression, x, (start, end), points, filter)
    asked, texts = AskedGrid(metric_name(name, unnamed), *chart), _checked(prefixes)
    grids = await asyncio.to_thread(read_grids, runs, charts, texts, asked)
    return await form.built(len(texts) * points, lambda: grid_answer(grids, prefixes, x, chosen))


@get("/metrics/view", opt=needs("read", "everything"))
async def view(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: FromQuery[list[str] | None] = None,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    filter: FilterText = None,
    expression: Expressions = None,
) -> Response[MetricView]:
    """First, last, least and greatest value of each pixel column of one metric."""
    request = checked_local_view(fields, expression, x, (start, end), points, filter)
    metric = metric_name(name, unnamed)
    return form.answer(await _view_of(runs, prefix, metric, request))


@get("/metrics/views", opt=needs("read", "everything"))
async def views(
    runs: OurRuns,
    form: OurForm,
    prefixes: Prefixes,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: FromQuery[list[str] | None] = None,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    filter: FilterText = None,
    expression: Expressions = None,
) -> Response[ViewsAnswer]:
    """The same view of one metric of many runs."""
    request = checked_local_view(fields, expression, x, (start, end), points, filter)
    metric = metric_name(name, unnamed)
    _checked(prefixes)
    found, empty = list[ExperimentView](), empty_view(request)
    for one in prefixes:
        try:
            seen = await _view_of(runs, one, metric, request)
        except RunUnreadable as error:
            if len(prefixes) == 1:
                raise
            runs.tell(one, error.error)
            seen = empty
        found.append(ExperimentView(prefix=one, view=seen))
    return form.answer(ViewsAnswer(views=found))


async def _view_of(runs: KeptRuns, prefix: str, metric: str | None, request: ViewRequest) -> MetricView:
    return await of_run(runs, prefix, lambda reader: reader.metric_view(metric, request), empty_view(request))


def _checked(prefixes: Sequence[str]) -> list[str]:
    """Raises WrongParameter."""
    checked_count("number of prefixes", len(prefixes), MOST_VIEWS)
    return [checked_prefix(prefix).text for prefix in prefixes]


def _compared(runs: KeptRuns, prefixes: Sequence[str], *, everything: bool) -> Comparison:
    """Raises AnswerTooLarge."""
    found, there = runs.find(), dict[int, Any]()
    for at, prefix in enumerate(prefixes):
        with runs.lock:
            run = found[prefix].among_others(found[prefix].plain) if prefix in found else None
        if run is not None:
            there[at] = run
    return compared(prefixes, there, Rows(list(there), len(prefixes), everything).of)
