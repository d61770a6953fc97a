"""GET /v1/tracks, /v1/tracks/entries"""

import math
from typing import Annotated, TypedDict

from litestar import Response, Router, get
from litestar.params import FromQuery, QueryParameter

from mldash.producer.answers.shapes import EntriesAnswer, TrackSummary
from mldash.query_api.limits import checked_count, checked_fields, checked_name, checked_number
from mldash.query_api.reading.entries import Asked, answer_of, read_entries
from mldash.query_api.reading.tracks import list_tracks

from .dependencies import Found, OurForm, OurStores


class TracksAnswer(TypedDict):
    tracks: list[TrackSummary]


@get("/", tags=["tracks"])
async def tracks(experiment: Found, stores: OurStores, form: OurForm) -> Response[TracksAnswer]:
    """One entry a topic."""
    return form.answer(TracksAnswer(tracks=await list_tracks(stores, experiment) if experiment else []))


@get("/entries", tags=["tracks"])
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


router = Router("/tracks", route_handlers=[tracks, entries])
