"""GET /v1/logs/lines"""

from typing import Annotated, Any, TypedDict

from litestar import Request, Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.limits import SEARCH_LENGTH
from mldash.answers.shapes import LogLine
from mldash.events.levels import canonical_level
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_ROWS
from mldash_api.logs.lines import Filter, read_lines
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.routes.dependencies import Found, OurForm, OurStores
from mldash_api.routes.leaving import while_connected
from mldash_api.routes.parameters import Index, checked_count, checked_number

_HALF_A_MICROSECOND_S = 0.6e-6
"""And a little: float64 has a quarter of a microsecond there."""


class LinesAnswer(TypedDict):
    lines: list[LogLine]


@get("/logs/lines", tags=["logs"], opt=needs("read", "prefix", OF_EXPERIMENT))
async def lines(
    request: Request[Any, Any, Any],
    experiment: Found,
    stores: OurStores,
    form: OurForm,
    level: Annotated[list[str] | None, QueryParameter(description="Of these levels; several may be given.")] = None,
    limit: FromQuery[int] = DEFAULT_ROWS,
    offset: Index = 0,
    search: Annotated[str | None, QueryParameter(description="Text that the message holds, in any case.")] = None,
    start: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
    end: Annotated[float | None, QueryParameter(description="Seconds, inclusive.")] = None,
) -> Response[LinesAnswer]:
    """Lines in the order of their numbers; `offset` and `limit` count those that fit."""
    count = checked_count("limit", limit, stores.settings.read_limit)
    if search is not None:
        checked_count("length of search", len(search), SEARCH_LENGTH)
    wanted = Filter(levels_of(level), search or None, *with_the_lines_own_time(start, end))
    if experiment is None:
        return form.answer(LinesAnswer(lines=[]))
    reading = read_lines(stores, experiment.stream("logs"), wanted, offset, count)
    found = await while_connected(request, reading) or []
    return await form.built(len(found), lambda: LinesAnswer(lines=found))


def with_the_lines_own_time(start: float | None, end: float | None) -> tuple[float | None, float | None]:
    """Lines are told with microseconds: whoever asks from or to a line's own time means that line too. Raises
    WrongParameter."""
    low, high = checked_number("start", start), checked_number("end", end)
    return (
        None if low is None else low - _HALF_A_MICROSECOND_S,
        None if high is None else high + _HALF_A_MICROSECOND_S,
    )


def levels_of(levels: list[str] | None) -> list[str] | None:
    """As they are stored. Raises WrongParameter."""
    try:
        return None if levels is None else [canonical_level(level) for level in levels]
    except ValueError as error:
        raise WrongParameter("level", str(error)) from None
