"""GET /v1/metrics, /v1/metrics/points, /v1/metrics/export, /v1/metrics/stats, /v1/metrics/view, /v1/metrics/views
(grid: grids.py)"""

from typing import Annotated, Any, Final, TypedDict

from litestar import Request, Response, Router, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from mldash.answers.downsample import INDEX
from mldash.answers.limits import MOST_FIELDS
from mldash.answers.shapes import MetricPage, MetricStatistics, MetricSummary, MetricView
from mldash_api.answers import MSGPACK
from mldash_api.charts.derived import Derived
from mldash_api.charts.views import read_view, read_views, view_of_nothing
from mldash_api.errors import NotFound
from mldash_api.exports.downloads import AskedPoints, point_file
from mldash_api.exports.formats import files_of, format_of
from mldash_api.exports.points import POINT_MEDIA_TYPES, PointFormat
from mldash_api.limits import DEFAULT_COLUMNS, DEFAULT_ROWS
from mldash_api.points.metrics import list_metrics, read_statistics
from mldash_api.points.packed_points import pack_page
from mldash_api.points.points import Range, page_of, read_range
from mldash_api.rights.needed import OF_EXPERIMENT, needs

from .chart_parameters import Bound, Columns, Expressions, FilterText, Prefixes, XName, checked_chart
from .chart_streams import metrics_of
from .dependencies import Found, OurForm, OurStores
from .grids import grid
from .leaving import while_connected, within
from .parameters import (
    Index,
    StreamName,
    Unnamed,
    checked_count,
    checked_fields,
    metric_name,
)

_POINT_FILES: Final = files_of(POINT_MEDIA_TYPES)


class MetricsAnswer(TypedDict):
    metrics: list[MetricSummary]


FieldsText = Annotated[list[str] | None, QueryParameter(description="Only these fields.")]


@get("/", tags=["metrics"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def metrics(experiment: Found, stores: OurStores, form: OurForm) -> Response[MetricsAnswer]:
    """One entry a metric; the unnamed one, whose name is null, first."""
    return form.answer(MetricsAnswer(metrics=await list_metrics(stores, experiment) if experiment else []))


@get("/points", tags=["metrics"], opt=needs("read", "prefix", (*OF_EXPERIMENT, "range")))
async def points(
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    name: StreamName = None,
    unnamed: Unnamed = False,
    start_index: Index = 0,
    limit: FromQuery[int] = DEFAULT_ROWS,
    fields: FieldsText = None,
) -> Response[MetricPage]:
    """Points in index order, hot and cold as one; indices are dense. An absent metric gives the empty page.

    `endIndex` is the index of the last point, or where there is none start_index - 1; where retention took all of
    these, the last index that it took. `hasMore`: go on behind it.
    """
    metric = metric_name(name, unnamed)
    count, wanted = checked_count("limit", limit, stores.settings.read_limit), checked_fields("fields", fields)
    found = Range(start_index, [], False)
    if experiment is not None:
        found = await read_range(stores, experiment.stream("metrics", metric), start_index, count, wanted)
    if form.media_type == MSGPACK:
        return await form.packed(found.count, lambda: pack_page(found, wanted, start_index))
    return await form.built(found.count, lambda: page_of(found, start_index, wanted))


@get("/export", tags=["metrics"], operation_class=_POINT_FILES, opt=needs("read", "prefix", (*OF_EXPERIMENT, "range")))
async def export(
    request: Request[Any, Any, Any],
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    format: Annotated[
        PointFormat | None, QueryParameter(description="Left out: what `Accept` names; arrow is an IPC stream.")
    ] = None,
    name: StreamName = None,
    unnamed: Unnamed = False,
    start_index: Index = 0,
    limit: Annotated[int | None, QueryParameter(ge=0, description="So many at most; else all that there are.")] = None,
    fields: FieldsText = None,
) -> Stream:
    """Points as a file, however many: sent as they are read, in constant memory. An absent metric: a file without any.

    A fault on the way ends the connection in the middle, so that no broken file looks whole.
    """
    metric, wanted = metric_name(name, unnamed), checked_fields("fields", fields)
    chosen = format_of(request, format, POINT_MEDIA_TYPES)
    stream = experiment.stream("metrics", metric) if experiment else None
    file = await point_file(stores, stream, AskedPoints(start_index, limit, wanted), chosen, form.nonfinite)
    return Stream(file, media_type=POINT_MEDIA_TYPES[chosen], headers={"Vary": "Accept"})


@get("/stats", tags=["metrics"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def statistics(
    experiment: Found, stores: OurStores, form: OurForm, name: StreamName = None, unnamed: Unnamed = False
) -> Response[MetricStatistics]:
    """Counts of points, hot and cold, and of each numeric field. 404 where there is no such metric."""
    metric = metric_name(name, unnamed)
    found = await read_statistics(stores, experiment.stream("metrics", metric)) if experiment else None
    if found is None:
        raise NotFound("metric", metric)
    return form.answer(found)


@get("/view", tags=["metrics"], opt=needs("read", "prefix", (*OF_EXPERIMENT, "chart")))
async def view(
    request: Request[Any, Any, Any],
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: Annotated[
        list[str] | None,
        QueryParameter(description=f"These alone; else the first {MOST_FIELDS} numeric, or with `expression` none."),
    ] = None,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    filter: FilterText = None,
    expression: Expressions = None,
) -> Response[MetricView]:
    """First, last, least and greatest value of each pixel column, so that no spike is lost. An absent metric: empty.

    `totalPoints`: of how many points it was made; `sampled`: whether any was left out; `edges`: of the columns.
    """
    metric = metric_name(name, unnamed)
    asked, expressions, hidden = checked_chart(fields, expression, x, (start, end), points, filter)
    derived = Derived(expressions, hidden)
    nothing = view_of_nothing(asked, derived)
    if experiment is None:
        return form.answer(nothing)
    view = read_view(stores, experiment.stream("metrics", metric), asked, derived=derived)
    reading = within(stores.settings.chart_timeout_s, view)
    drawn = await while_connected(request, reading) or nothing
    return await form.built(_points_of(drawn), lambda: drawn)


class ExperimentView(TypedDict):
    prefix: str
    view: MetricView


class ViewsAnswer(TypedDict):
    views: list[ExperimentView]


@get("/views", tags=["metrics"], opt=needs("read", "prefixes"))
async def views(
    request: Request[Any, Any, Any],
    stores: OurStores,
    form: OurForm,
    prefixes: Prefixes,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: FieldsText = None,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    filter: FilterText = None,
    expression: Expressions = None,
) -> Response[ViewsAnswer]:
    """The same view of one metric of many experiments, in the order of `prefixes`; of one that is not there: empty."""
    asked, expressions, hidden = checked_chart(fields, expression, x, (start, end), points, filter)
    streams = await metrics_of(stores, prefixes, metric_name(name, unnamed))
    reading = within(stores.settings.chart_timeout_s, read_views(stores, streams, asked, Derived(expressions, hidden)))
    drawn = await while_connected(request, reading)
    if drawn is None:  # the caller has gone
        return form.answer(ViewsAnswer(views=[]))
    answers = [ExperimentView(prefix=prefix, view=view) for prefix, view in zip(prefixes, drawn, strict=True)]
    return await form.built(sum(map(_points_of, drawn)), lambda: ViewsAnswer(views=answers))


def _points_of(view: MetricView) -> int:
    drawn = [*view["fields"].values(), *view.get("expressions", {}).values()]
    return sum(len(one["x"]) for one in drawn)


router = Router("/metrics", route_handlers=[metrics, points, export, statistics, view, views, grid])
