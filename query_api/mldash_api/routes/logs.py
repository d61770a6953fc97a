"""GET /v1/logs/lines"""

from typing import Annotated, TypedDict

from litestar import Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.limits import SEARCH_LENGTH
from mldash.answers.shapes import LogLine
from mldash.events.levels import canonical_level
from mldash_api.errors import WrongParameter
from mldash_api.limits import DEFAULT_ROWS
from mldash_api.logs.lines import Filter, read_lines

from .dependencies import Found, OurForm, OurStores
from .parameters import Index, checked_count, checked_number

_HALF_A_MICROSECOND_S = 0.6e-6
"""And a little: float64 has a quarter of a microsecond there."""


class LinesAnswer(TypedDict):
    lines: list[LogLine]


@get("/logs/lines", tags=["logs"])
async def lines(
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
    # Lines are told with microseconds: whoever asks from or to a line's own time means that line too.
    low, high = checked_number("start", start), checked_number("end", end)
    low = None if low is None else low - _HALF_A_MICROSECOND_S
    high = None if high is None else high + _HALF_A_MICROSECOND_S
    wanted = Filter(_levels(level), search or None, low, high)
    if experiment is None:
        return form.answer(LinesAnswer(lines=[]))
    return form.answer(LinesAnswer(lines=await read_lines(stores, experiment.stream("logs"), wanted, offset, count)))


def _levels(levels: list[str] | None) -> list[str] | None:
    try:
        return None if levels is None else [canonical_level(level) for level in levels]
    except ValueError as error:
        raise WrongParameter("level", str(error)) from None
