"""GET of one run: /v1/experiment, /v1/sessions, /v1/params, /v1/metrics, its points and statistics, /v1/logs/lines"""

from typing import Annotated, Any, Final, TypedDict

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.limits import SEARCH_LENGTH
from mldash.answers.shapes import (
    ExperimentAnswer,
    LogLine,
    MetricPage,
    MetricStatistics,
    MetricSummary,
    SessionAnswer,
)
from mldash_api.errors import NotFound
from mldash_api.limits import DEFAULT_ROWS
from mldash_api.rights.needed import needs
from mldash_api.routes.logs.asked import LinesAnswer, levels_of, with_the_lines_own_time
from mldash_api.routes.parameters import (
    Index,
    PrefixText,
    StreamName,
    Unnamed,
    checked_count,
    metric_name,
)

from .asking import OurForm, OurRuns, of_run

_READS: Final = needs("read", "everything")
_MOST_ROWS: Final = 100_000


class SessionsAnswer(TypedDict):
    sessions: list[SessionAnswer]


class ParamsAnswer(TypedDict):
    params: dict[str, Any]


class MetricsAnswer(TypedDict):
    metrics: list[MetricSummary]


@get("/experiment", opt=_READS)
async def experiment(runs: OurRuns, form: OurForm, prefix: PrefixText) -> Response[ExperimentAnswer]:
    """What was said of a run, and its status. 404 where nothing was logged under the prefix."""
    found = await of_run(runs, prefix, lambda reader: reader.experiment(), None)
    if found is None:
        raise NotFound("experiment", prefix)
    return form.answer(found)


@get("/sessions", opt=_READS)
async def sessions(runs: OurRuns, form: OurForm, prefix: PrefixText) -> Response[SessionsAnswer]:
    """The processes that have written to a run."""
    return form.answer({"sessions": await of_run(runs, prefix, lambda reader: reader.sessions(), [])})


@get("/params", opt=_READS)
async def params(runs: OurRuns, form: OurForm, prefix: PrefixText) -> Response[ParamsAnswer]:
    """The parameters after every set."""
    return form.answer({"params": await of_run(runs, prefix, lambda reader: reader.params(), {})})


@get("/metrics", opt=_READS)
async def metrics(runs: OurRuns, form: OurForm, prefix: PrefixText) -> Response[MetricsAnswer]:
    """One entry a metric."""
    return form.answer({"metrics": await of_run(runs, prefix, lambda reader: reader.metrics(), [])})


@get("/metrics/points", opt=_READS)
async def points(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    name: StreamName = None,
    unnamed: Unnamed = False,
    start_index: Index = 0,
    limit: FromQuery[int] = DEFAULT_ROWS,
) -> Response[MetricPage]:
    """Points in index order."""
    metric, count = metric_name(name, unnamed), checked_count("limit", limit, _MOST_ROWS)
    empty = MetricPage(data=[], startIndex=start_index, endIndex=start_index - 1, total=0, hasMore=False)
    found = await of_run(runs, prefix, lambda reader: reader.metric_points(metric, start_index, count), empty)
    return await form.built(len(found["data"]), lambda: found)


@get("/metrics/stats", opt=_READS)
async def statistics(
    runs: OurRuns, form: OurForm, prefix: PrefixText, name: StreamName = None, unnamed: Unnamed = False
) -> Response[MetricStatistics]:
    """Counts of points, and of each numeric field. 404 where there is no such metric."""
    metric = metric_name(name, unnamed)
    found = await of_run(runs, prefix, lambda reader: reader.metric_statistics(metric), None)
    if found is None:
        raise NotFound("metric", metric)
    return form.answer(found)


@get("/logs/lines", opt=_READS)
async def lines(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    level: Annotated[list[str] | None, QueryParameter(description="Of these levels; several may be given.")] = None,
    limit: FromQuery[int] = DEFAULT_ROWS,
    offset: Index = 0,
    search: Annotated[str | None, QueryParameter(description="Text that the message holds, in any case.")] = None,
    start: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
) -> Response[LinesAnswer]:
    """Lines in the order of their numbers; `offset` and `limit` count those that fit."""
    count = checked_count("limit", limit, _MOST_ROWS)
    checked_count("length of search", len(search or ""), SEARCH_LENGTH)
    levels, (first, last) = levels_of(level), with_the_lines_own_time(start, end)
    none: list[LogLine] = []
    found = await of_run(
        runs, prefix, lambda reader: reader.log_lines(levels, count, offset, search or None, first, last), none
    )
    return await form.built(len(found), lambda: LinesAnswer(lines=found))
