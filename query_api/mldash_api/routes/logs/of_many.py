"""GET /v1/logs: lines of one or many experiments, merged by time."""

import json
from time import time
from typing import Annotated, Any, NotRequired, TypedDict

import msgspec
from litestar import Request, Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.limits import SEARCH_LENGTH
from mldash.events.identity import ID_BYTES
from mldash_api.errors import AnswerTooLarge, NotFound, WrongParameter
from mldash_api.experiments.sessions import ranks_of, sessions_of_ranks
from mldash_api.limits import DEFAULT_ROWS, MOST_LINE_FIELDS, MOST_LOGS, MOST_MERGED_LINES, MOST_SESSIONS
from mldash_api.logs.merged import HasField, Line, Place, Wanted, read_merged
from mldash_api.rights.admission import demand
from mldash_api.rights.caller import Caller, scopes_of
from mldash_api.rights.needed import needs
from mldash_api.routes.chart_streams import experiments_of
from mldash_api.routes.dependencies import OurCaller, OurForm, OurIndex, OurStores
from mldash_api.routes.leaving import while_connected
from mldash_api.routes.parameters import checked_count, checked_name, checked_prefix, checked_ranks, checked_session
from mldash_api.routes.runs import found_by
from mldash_api.search.cursors import cursor_of, mark_of, no_cursor, opened
from mldash_api.search.index import RunIndex
from mldash_api.stores.streams import ExperimentRef, Stores
from mldash_api.times import iso_or_none
from mldash_ingest.documents.columns import ABSENT

from .asked import levels_of, with_the_lines_own_time


class MergedLine(TypedDict):
    """A line of `/v1/logs/lines`, and where it comes from. `sequenceNumber` counts those of its experiment."""

    prefix: str
    session: str
    rank: int | None
    sequenceNumber: int
    timestamp: str
    level: str
    message: str
    metadata: NotRequired[dict[str, Any]]


class MergedAnswer(TypedDict):
    """In the order of (time, experiment, number). `next` is the `cursor` of the page behind, null at the end."""

    lines: list[MergedLine]
    next: str | None


_decode = msgspec.msgpack.Decoder(tuple[int, bytes, float, Place]).decode


@get("/logs", tags=["logs"], opt=needs("read", "shown"))
async def merged(
    request: Request[Any, Any, Any],
    stores: OurStores,
    index: OurIndex,
    caller: OurCaller,
    form: OurForm,
    prefixes: Annotated[list[str] | None, QueryParameter(description="Of these experiments.")] = None,
    filter: Annotated[str | None, QueryParameter(description="Or of those that pass: docs/query.md.")] = None,
    level: Annotated[list[str] | None, QueryParameter(description="Of these levels; several may be given.")] = None,
    session: Annotated[list[str] | None, QueryParameter(description="Of these processes.")] = None,
    rank: Annotated[list[int] | None, QueryParameter(description="Of processes with these ranks.")] = None,
    metadata: Annotated[
        list[str] | None, QueryParameter(description="`field = JSON value`; several: all have to hold.")
    ] = None,
    search: Annotated[str | None, QueryParameter(description="Text that the message holds, in any case.")] = None,
    start: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    limit: FromQuery[int] = DEFAULT_ROWS,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the page before.")] = None,
) -> Response[MergedAnswer]:
    """Lines of up to 100 experiments, merged by time."""
    count = checked_count("limit", limit, MOST_MERGED_LINES)
    if search is not None:
        checked_count("length of search", len(search), SEARCH_LENGTH)
    low, high = with_the_lines_own_time(start, end)
    levels = levels_of(level)
    wanted = Wanted(
        levels=None if levels is None else frozenset(levels),
        search=search or None,
        start=float("-inf") if low is None else low,
        end=float("inf") if high is None else high,
        fields=tuple(_field_of(text) for text in metadata or ()),
    )
    checked_count("number of metadata", len(wanted.fields), MOST_LINE_FIELDS)
    checked_count("number of session", len(session or ()), MOST_SESSIONS)
    sessions = None if session is None else frozenset(checked_session(one) for one in session)
    ranks = checked_ranks(rank)
    mark = mark_of(repr((prefixes, filter, level, session, rank, metadata, search, start, end)))
    after, now = (None, time()) if cursor is None else _place_of(cursor, mark)

    async def read() -> MergedAnswer:
        experiments = await _experiments(stores, index, caller, prefixes, filter, now)
        asked = await _asked(stores, experiments, wanted, sessions, ranks)
        found = await read_merged(stores, asked, after, count + 1 if count else 0)
        lines = await _told(stores, {one.id: one for one in experiments}, found[:count])
        last = found[count - 1].place if len(found) > count else None
        return {"lines": lines, "next": cursor_of(last, now, mark)}

    answer = await while_connected(request, read()) or {"lines": [], "next": None}
    return await form.built(len(answer["lines"]), lambda: answer)


async def _experiments(
    stores: Stores, index: RunIndex, caller: Caller, prefixes: list[str] | None, filter_: str | None, now: float
) -> list[ExperimentRef]:
    """Raises WrongParameter, NotAllowed, NotFound, AnswerTooLarge, WrongFilter, IndexBuilding."""
    if (prefixes is None) == (filter_ is None):
        raise WrongParameter("prefixes", "name experiments by it, or say a `filter`: one of the two")
    if filter_ is not None:
        found, count = await found_by(stores, index, filter_, scopes_of(caller, "read"), now, MOST_LOGS)
        if count > MOST_LOGS:
            raise AnswerTooLarge(count, MOST_LOGS, "say a `filter` that fewer experiments pass")
        return found
    assert prefixes is not None
    for prefix in prefixes:
        demand(caller, "read", checked_prefix(prefix).text)
    named = await experiments_of(stores, prefixes)
    for prefix, one in zip(prefixes, named, strict=True):
        if one is None:
            raise NotFound("experiment", prefix)
    return list({one.id: one for one in named if one is not None}.values())


async def _asked(
    stores: Stores,
    experiments: list[ExperimentRef],
    wanted: Wanted,
    sessions: frozenset[bytes] | None,
    ranks: list[int] | None,
) -> dict[ExperimentRef, Wanted]:
    """Without those of which no process is asked for."""
    if ranks is None:
        of_all = msgspec.structs.replace(wanted, sessions=sessions)
        return dict.fromkeys(experiments, of_all)
    ranked = await sessions_of_ranks(stores.mongo, experiments, ranks)
    allowed = {one: ranked[one.id] if sessions is None else ranked[one.id] & sessions for one in experiments}
    return {one: msgspec.structs.replace(wanted, sessions=some) for one, some in allowed.items() if some}


async def _told(stores: Stores, experiments: dict[bytes, ExperimentRef], lines: list[Line]) -> list[MergedLine]:
    ranks = await ranks_of(stores.mongo, {one.session for one in lines})
    told = list[MergedLine]()
    for line in lines:
        made: MergedLine = {
            "prefix": experiments[line.place.experiment].prefix.text,
            "session": line.session.hex(),
            "rank": ranks.get(line.session),
            "sequenceNumber": line.place.line,
            "timestamp": iso_or_none(line.place.time) or "",
            "level": line.level,
            "message": line.message,
        }
        if line.metadata is not ABSENT and line.metadata:
            made["metadata"] = line.metadata
        told.append(made)
    return told


def _field_of(text: str) -> HasField:
    """`field = value`: the field may be a JSON string, so that each one can be named."""
    try:
        if text.lstrip().startswith('"'):
            field, end = json.JSONDecoder().raw_decode(text.lstrip())
            rest = text.lstrip()[end:].lstrip()
            if not rest.startswith("="):
                raise ValueError
            said = rest[1:]
        else:
            field, sign, said = text.partition("=")
            field = field.strip()
            if not sign or not field:
                raise ValueError
        value = msgspec.json.decode(said.strip(), type=str | float | int | bool | None)
    except (ValueError, msgspec.MsgspecError):
        allowed = (
            'is not `field = value`: a value is a JSON string, number, true, false or null, as in `phase = "eval"`'
        )
        raise WrongParameter("metadata", f"{text[:200]!r} {allowed}") from None
    return HasField(checked_name("metadata", field), value)


def _place_of(cursor: str, mark: bytes) -> tuple[Place, float]:
    """The place and the clock. Raises WrongParameter."""
    another = "it goes on with another question: send the parameters of the page before"
    place, now = opened(cursor, mark, _decode, another)
    if len(place.experiment) != ID_BYTES:
        raise no_cursor()
    return place, now
