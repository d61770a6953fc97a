"""GET /v1/tracks, /v1/tracks/entries, /v1/tracks/export, /v1/tracks/at, /v1/tracks/resampled, /v1/tracks/grid"""

import math
from typing import Annotated, Any, Final, TypedDict

from litestar import Request, Response, Router, get
from litestar.params import FromQuery, QueryParameter
from litestar.response import Stream

from mldash.answers.shapes import EntriesAnswer, TrackSummary
from mldash_api.charts.tracks.cells import TrackGrid
from mldash_api.charts.tracks.grids import read_track_grid
from mldash_api.errors import WrongParameter
from mldash_api.exports.downloads import entry_file
from mldash_api.exports.entries import ENTRY_MEDIA_TYPES, EntryFormat
from mldash_api.exports.formats import files_of, format_of
from mldash_api.limits import DEFAULT_COLUMNS, MOST_TIMES
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.tracks.entries import Asked, answer_of, read_entries
from mldash_api.tracks.moments import entries_at, resampled
from mldash_api.tracks.tracks import list_tracks

from .chart_parameters import Columns, GridFields, GridStatistics, HasPath, cells_in, checked_grid
from .dependencies import Found, OurForm, OurStores
from .leaving import while_connected, within
from .parameters import checked_count, checked_fields, checked_finite, checked_name, checked_number

_ENTRY_FILES: Final = files_of(ENTRY_MEDIA_TYPES)


class TracksAnswer(TypedDict):
    tracks: list[TrackSummary]


@get("/", tags=["tracks"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def tracks(experiment: Found, stores: OurStores, form: OurForm) -> Response[TracksAnswer]:
    """One entry a topic."""
    return form.answer(TracksAnswer(tracks=await list_tracks(stores, experiment) if experiment else []))


@get("/entries", tags=["tracks"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def entries(
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    topic: FromQuery[str],
    start: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    columns: Annotated[list[str] | None, QueryParameter(description="Only these fields, and the timestamp.")] = None,
    limit: Annotated[int | None, QueryParameter(description="The earliest so many; go on behind the last.")] = None,
) -> Response[EntriesAnswer]:
    """Entries in time order, those of one timestamp merged field by field. An absent topic has none."""
    checked_name("topic", topic)
    count = None if limit is None else checked_count("limit", limit, stores.settings.entries_limit)
    fields = checked_fields("columns", columns)
    first, last = checked_number("start", start), checked_number("end", end)
    if experiment is None:
        return form.answer(EntriesAnswer(entries=[], count=0))
    asked = Asked(-math.inf if first is None else first, math.inf if last is None else last, fields, count)
    rows = await read_entries(stores, experiment.stream("tracks", topic), asked)
    return await form.built(sum(one.count for one in rows), lambda: answer_of(rows, fields))


@get("/export", tags=["tracks"], operation_class=_ENTRY_FILES, opt=needs("read", "prefix", OF_EXPERIMENT))
async def export(
    request: Request[Any, Any, Any],
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    topic: FromQuery[str],
    format: Annotated[EntryFormat | None, QueryParameter(description="Left out: what `Accept` names.")] = None,
    start: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    columns: Annotated[list[str] | None, QueryParameter(description="Only these fields, and the timestamp.")] = None,
) -> Stream:
    """Entries as a file, however many: sent as they are read, in constant memory. An absent topic: a file without any.

    A fault on the way ends the connection in the middle, so that no broken file looks whole.
    """
    checked_name("topic", topic)
    fields = checked_fields("columns", columns)
    first, last = checked_number("start", start), checked_number("end", end)
    asked = Asked(-math.inf if first is None else first, math.inf if last is None else last, fields)
    chosen = format_of(request, format, ENTRY_MEDIA_TYPES)
    stream = experiment.stream("tracks", topic) if experiment else None
    file = await entry_file(stores, stream, topic, asked, chosen, form.nonfinite)
    return Stream(file, media_type=ENTRY_MEDIA_TYPES[chosen], headers={"Vary": "Accept"})


class MomentsAnswer(TypedDict):
    entries: list[dict[str, Any] | None]


@get("/at", tags=["tracks"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def at(
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    topic: FromQuery[str],
    times: Annotated[list[float], QueryParameter(description=f"Seconds, at most {MOST_TIMES:,} of them.")],
    columns: Annotated[list[str] | None, QueryParameter(description="Only these fields, and the timestamp.")] = None,
) -> Response[MomentsAnswer]:
    """The last entry at or before each time, in the order given; null where the track begins later."""
    checked_name("topic", topic)
    checked_count("number of times", len(times), MOST_TIMES)
    fields, wanted = checked_fields("columns", columns), [checked_moment(time) for time in times]
    if experiment is None:
        return form.answer(MomentsAnswer(entries=[None] * len(wanted)))
    return form.answer(
        MomentsAnswer(entries=await entries_at(stores, experiment.stream("tracks", topic), wanted, fields))
    )


@get("/resampled", tags=["tracks"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def resample(
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    topic: FromQuery[str],
    rate: Annotated[float, QueryParameter(gt=0, description="Entries a second.")],
    start: Annotated[float | None, QueryParameter(description="Seconds; left out: the first entry's.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive; left out: the last entry's.")] = None,
    columns: Annotated[list[str] | None, QueryParameter(description="Only these fields, and the timestamp.")] = None,
) -> Response[EntriesAnswer]:
    """At start, start + 1 / rate, … the last entry at or before, under that time; none before the first entry."""
    checked_name("topic", topic)
    fields = checked_fields("columns", columns)
    low, high = checked_finite("start", start), checked_finite("end", end)
    if experiment is None or math.isinf(rate):
        return form.answer(EntriesAnswer(entries=[], count=0))
    asked = Asked(-math.inf if low is None else low, math.inf if high is None else high, fields)
    found = await resampled(stores, experiment.stream("tracks", topic), asked, rate)
    return await form.built(len(found), lambda: EntriesAnswer(entries=found, count=len(found)))


@get("/grid", tags=["tracks"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def grid(
    request: Request[Any, Any, Any],
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    topic: FromQuery[str],
    columns: GridFields,
    start: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    points: Columns = DEFAULT_COLUMNS,
    statistics: GridStatistics = None,
    with_path: HasPath = False,
) -> Response[TrackGrid]:
    """However many entries on pixel columns of time: no extreme of any number is lost. An absent topic has none."""
    asked = checked_grid(topic, columns, (start, end), points, statistics, with_path)
    if experiment is None:
        return form.answer(asked.nothing())
    reading = within(
        stores.settings.chart_timeout_s, read_track_grid(stores, experiment.stream("tracks", topic), asked)
    )
    found = await while_connected(request, reading) or asked.nothing()
    return await form.built(cells_in(found), lambda: found)


def checked_moment(time: float) -> float:
    if not math.isfinite(time):
        raise WrongParameter("times", f"{time} is no time")
    return time


router = Router("/tracks", route_handlers=[tracks, entries, export, at, resample, grid])
