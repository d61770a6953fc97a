"""GET /v1/compare, /v1/compare/parted"""

from typing import Annotated, Any

from litestar import Request, Response, Router, get
from litestar.params import QueryParameter

from mldash.answers.downsample import INDEX
from mldash.answers.limits import MOST_COLUMNS
from mldash.answers.shapes import Comparison, Parted
from mldash_api.comparing.apart import TOGETHER
from mldash_api.comparing.differences import compare
from mldash_api.comparing.parted import find_parting
from mldash_api.limits import DEFAULT_COLUMNS
from mldash_api.rights.needed import OF_EXPERIMENT, needs

from .chart_parameters import Bound, Columns, FilterText, Prefixes, XName, check_two, checked_view
from .chart_streams import experiments_of, metrics_of
from .dependencies import OurForm, OurStores
from .leaving import while_connected, within
from .parameters import (
    StreamName,
    Unnamed,
    checked_name,
    metric_name,
)


@get("/", tags=["compare"], opt=needs("read", "prefixes", OF_EXPERIMENT))
async def differences(
    stores: OurStores,
    form: OurForm,
    prefixes: Prefixes,
    everything: Annotated[bool, QueryParameter(description="Rows in which all agree, too.")] = False,
) -> Response[Comparison]:
    """Parameters, context and statistics of many experiments side by side: the rows in which they differ."""
    compared = await compare(stores, prefixes, await experiments_of(stores, prefixes), everything=everything)
    rows = len(compared["params"]) + len(compared["context"]) + len(compared["statistics"])
    return await form.built(rows * len(prefixes), lambda: compared)


@get("/parted", tags=["compare"], opt=needs("read", "prefixes"))
async def parted(
    request: Request[Any, Any, Any],
    stores: OurStores,
    form: OurForm,
    prefixes: Annotated[list[str], QueryParameter(description="The two experiments.")],
    field: Annotated[str, QueryParameter(description="Of the metric.")],
    name: StreamName = None,
    unnamed: Unnamed = False,
    x: XName = INDEX,
    start: Bound = None,
    end: Bound = None,
    points: Columns = DEFAULT_COLUMNS,
    together: Annotated[
        int, QueryParameter(ge=1, le=MOST_COLUMNS, description="So many columns in turn have to lie apart.")
    ] = TOGETHER,
    filter: FilterText = None,
) -> Response[Parted]:
    """From which x on two experiments go ways of their own: their bands of least and greatest value no longer meet."""
    check_two(prefixes)
    asked = checked_view([checked_name("field", field)], x, (start, end), points, filter)
    one, two = await metrics_of(stores, prefixes, metric_name(name, unnamed))
    looking = within(stores.settings.chart_timeout_s, find_parting(stores, (one, two), asked, together))
    return form.answer(await while_connected(request, looking) or Parted("no common x"))


router = Router("/compare", route_handlers=[differences, parted])
