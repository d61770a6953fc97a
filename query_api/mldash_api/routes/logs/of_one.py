"""GET /v1/logs/lines"""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import FromQuery, QueryParameter

from mldash.answers.limits import SEARCH_LENGTH
from mldash_api.limits import DEFAULT_ROWS
from mldash_api.logs.lines import Filter, read_lines
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.routes.dependencies import Found, OurForm, OurStores
from mldash_api.routes.leaving import while_connected
from mldash_api.routes.parameters import Index, checked_count

from .asked import LinesAnswer, levels_of, with_the_lines_own_time


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
