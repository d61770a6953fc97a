"""GET /v1/tracks, /v1/tracks/entries, /v1/tracks/at, /v1/tracks/resampled, /v1/tracks/grid"""

import math
from typing import Annotated, Any, Final, TypedDict

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.shapes import EntriesAnswer, TrackSummary
from mldash.local.reading.reader import LocalReader
from mldash_api.charts.tracks.cells import TrackGrid
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_COLUMNS, MOST_TIMES
from mldash_api.rights.needed import needs
from mldash_api.routes.chart_parameters import (
    Columns,
    GridFields,
    GridStatistics,
    HasPath,
    cells_in,
    checked_grid,
)
from mldash_api.routes.parameters import (
    PrefixText,
    checked_count,
    checked_fields,
    checked_finite,
    checked_name,
    checked_number,
)

from .asking import OurForm, OurRuns, of_run
from .track_grids import track_grid

_READS: Final = needs("read", "everything")
_MOST_ENTRIES: Final = 1_000_000

Fields = Annotated[list[str] | None, QueryParameter(description="Only these fields, and the timestamp.")]
Moment = Annotated[float | None, QueryParameter(description="Seconds, inclusive.")]


class TracksAnswer(TypedDict):
    tracks: list[TrackSummary]


class MomentsAnswer(TypedDict):
    entries: list[dict[str, Any] | None]


@get("/tracks", opt=_READS)
async def tracks(runs: OurRuns, form: OurForm, prefix: PrefixText) -> Response[TracksAnswer]:
    """One entry a topic."""
    return form.answer({"tracks": await of_run(runs, prefix, lambda reader: reader.tracks(), [])})


@get("/tracks/entries", opt=_READS)
async def entries(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    topic: FromQuery[str],
    start: Moment = None,
    end: Moment = None,
    columns: Fields = None,
    limit: Annotated[int | None, QueryParameter(description="The earliest so many; go on behind the last.")] = None,
) -> Response[EntriesAnswer]:
    """Entries in time order, those of one timestamp merged field by field."""
    checked_name("topic", topic)
    count = _MOST_ENTRIES if limit is None else checked_count("limit", limit, _MOST_ENTRIES)
    fields = checked_fields("columns", columns)
    first, last = checked_number("start", start), checked_number("end", end)
    absent = EntriesAnswer(entries=[], count=0)
    found = await of_run(runs, prefix, lambda one: one.earliest_entries(topic, first, last, fields, count), absent)
    return await form.built(found["count"], lambda: found)


@get("/tracks/at", opt=_READS)
async def at(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    topic: FromQuery[str],
    times: Annotated[list[float], QueryParameter(description=f"Seconds, at most {MOST_TIMES:,} of them.")],
    columns: Fields = None,
) -> Response[MomentsAnswer]:
    """The last entry at or before each time, in the order given; null where the track begins later."""
    checked_name("topic", topic)
    checked_count("number of times", len(times), MOST_TIMES)
    if not all(map(math.isfinite, times)):
        raise WrongParameter("times", "each is a finite number of seconds")
    fields, absent = checked_fields("columns", columns), list[dict[str, Any] | None]([None] * len(times))
    found = await of_run(runs, prefix, lambda reader: reader.track_entries_at(topic, times, fields), absent)
    return form.answer(MomentsAnswer(entries=found))


@get("/tracks/resampled", opt=_READS)
async def resample(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    topic: FromQuery[str],
    rate: Annotated[float, QueryParameter(gt=0, description="Entries a second.")],
    start: Moment = None,
    end: Moment = None,
    columns: Fields = None,
) -> Response[EntriesAnswer]:
    """At start, start + 1 / rate, … the last entry at or before, under that time; none before the first entry."""
    checked_name("topic", topic)
    fields = checked_fields("columns", columns)
    low, high = checked_finite("start", start), checked_finite("end", end)

    none: list[dict[str, Any]] = []
    if math.isinf(rate):
        return form.answer(EntriesAnswer(entries=none, count=0))

    def resampled(reader: LocalReader) -> list[dict[str, Any]]:
        try:
            return reader.resampled_entries(topic, rate, low, high, fields)
        except ValueError as error:  # too many for one answer
            raise WrongParameter("rate", str(error)) from None

    rows = await of_run(runs, prefix, resampled, none)
    return await form.built(len(rows), lambda: EntriesAnswer(entries=rows, count=len(rows)))


@get("/tracks/grid", opt=_READS)
async def grid(
    runs: OurRuns,
    form: OurForm,
    prefix: PrefixText,
    topic: FromQuery[str],
    columns: GridFields,
    start: Moment = None,
    end: Moment = None,
    points: Columns = DEFAULT_COLUMNS,
    statistics: GridStatistics = None,
    with_path: HasPath = False,
) -> Response[TrackGrid]:
    """However many entries on pixel columns of time: no extreme of any number is lost."""
    asked = checked_grid(topic, columns, (start, end), points, statistics, with_path)
    found = await of_run(runs, prefix, lambda reader: track_grid(reader, topic, asked), asked.nothing())
    return await form.built(cells_in(found), lambda: found)
