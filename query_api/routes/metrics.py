"""GET /v1/metrics, /v1/metrics/points, /v1/metrics/stats, /v1/metrics/view"""

from typing import Annotated, TypedDict

from litestar import Response, Router, get
from litestar.params import FromQuery, QueryParameter

from mldash.producer.answers.downsample import INDEX, MOST_COLUMNS, ViewRequest, draw
from mldash.producer.answers.shapes import MetricPage, MetricStatistics, MetricSummary, MetricView
from mldash.query_api.errors import NotFound
from mldash.query_api.limits import (
    Index,
    StreamName,
    Unnamed,
    checked_count,
    checked_fields,
    checked_finite,
    checked_name,
    metric_name,
)
from mldash.query_api.reading.metrics import list_metrics, read_statistics
from mldash.query_api.reading.points import Range, page_of, read_range
from mldash.query_api.reading.views import read_view

from .dependencies import Found, OurForm, OurStores


class MetricsAnswer(TypedDict):
    metrics: list[MetricSummary]


@get("/", tags=["metrics"])
async def metrics(experiment: Found, stores: OurStores, form: OurForm) -> Response[MetricsAnswer]:
    """One entry a metric; the unnamed one, whose name is null, first."""
    return form.answer(MetricsAnswer(metrics=await list_metrics(stores, experiment) if experiment else []))


@get("/points", tags=["metrics"])
async def points(
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    name: StreamName = None,
    unnamed: Unnamed = False,
    start_index: Index = 0,
    limit: FromQuery[int] = 1000,
) -> Response[MetricPage]:
    """Points in index order, hot and cold as one; indices are dense. An absent metric gives the empty page.

    `endIndex` is the index of the last point (start_index - 1 where there is none); `hasMore`: go on behind it.
    """
    metric = metric_name(name, unnamed)
    count = checked_count("limit", limit, stores.settings.read_limit)
    found = Range(start_index, [], False)
    if experiment is not None:
        found = await read_range(stores, experiment.stream("metrics", metric), start_index, count)
    return await form.built(found.count, lambda: page_of(found, start_index))


@get("/stats", tags=["metrics"])
async def statistics(
    experiment: Found, stores: OurStores, form: OurForm, name: StreamName = None, unnamed: Unnamed = False
) -> Response[MetricStatistics]:
    """Counts of points, hot and cold, and of each numeric field. 404 where there is no such metric."""
    metric = metric_name(name, unnamed)
    found = await read_statistics(stores, experiment.stream("metrics", metric)) if experiment else None
    if found is None:
        raise NotFound("metric", metric)
    return form.answer(found)


@get("/view", tags=["metrics"])
async def view(
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    name: StreamName = None,
    unnamed: Unnamed = False,
    fields: Annotated[list[str] | None, QueryParameter(description="These alone; else the first 256 numeric.")] = None,
    x: Annotated[str, QueryParameter(description="`index`, `time`, or a field.")] = INDEX,
    start: Annotated[float | None, QueryParameter(description="In units of x, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="In units of x, inclusive.")] = None,
    points: Annotated[int, QueryParameter(ge=1, le=MOST_COLUMNS, description="Pixel columns of the chart.")] = 1000,
) -> Response[MetricView]:
    """First, last, least and greatest value of each pixel column, so that no spike is lost. An absent metric: empty.

    `totalPoints`: of how many points it was made; `sampled`: whether any was left out; `edges`: of the columns.
    """
    metric = metric_name(name, unnamed)
    wanted = checked_fields("fields", fields)
    low, high = checked_finite("start", start), checked_finite("end", end)
    request = ViewRequest(wanted, checked_name("x", x), low, high, points)
    if experiment is None:
        return form.answer(draw(request, lambda: ()))
    return form.answer(await read_view(stores, experiment.stream("metrics", metric), request))


router = Router("/metrics", route_handlers=[metrics, points, statistics, view])
