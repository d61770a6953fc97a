"""GET /v1/live, GET /v1/live/page, PUT /v1/live/{id}"""

from typing import Annotated, Any, Final, TypedDict

import msgspec
from litestar import Request, Response, get, put
from litestar.di import NamedDependency, Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody, QueryParameter, SkipValidation

from mldash_api.answers import EVENTS
from mldash_api.live.asked import Asked
from mldash_api.live.event_stream import EventStream, page_of
from mldash_api.live.joining import Request as Joining
from mldash_api.live.joining import change_page, checked_page, join
from mldash_api.live.live import Live, collect
from mldash_api.rights.needed import OF_EXPERIMENT, needs
from mldash_api.routes.dependencies import OurCaller, OurForm
from mldash_api.routes.parameters import checked_number

from .asked import AfterText, AskedPage, ChangedPage, FromText, NameText, after_of, provide_asked

_MOST_WAIT_S: Final = 60.0
_NO_STORE: Final = {"Cache-Control": "no-store"}

OurLive = NamedDependency[SkipValidation[Live]]
OurAsked = NamedDependency[SkipValidation[Asked]]


class LiveEvent(TypedDict):
    event: str
    id: str
    data: Any


class LivePage(TypedDict):
    """`next`: the `after` of the next page."""

    events: list[LiveEvent]
    next: str


@get(
    "/",
    tags=["live"],
    opt=needs("read", "shown", OF_EXPERIMENT),
    dependencies={"asked": Provide(provide_asked, sync_to_thread=False)},
    responses={200: ResponseSpec(data_container=str, media_type=EVENTS, description="Server-sent events.")},
)
async def live(
    request: Request[Any, Any, Any],
    caller: OurCaller,
    live: OurLive,
    asked: OurAsked,
    after: AfterText = None,
    start: FromText = "now",
    name: NameText = None,
) -> Response[Any]:
    """What is new, as it is stored: every event of every stream once, in its stream's order (docs/http.md, Live).

    204: nothing more will come, do not connect again.
    """
    joining = Joining(caller=caller, asked=asked, name=name, after=after_of(request, after), start=start)
    listener = await join(live.hub, joining)
    return EventStream(live.hub, listener) if listener is not None else _stop()


@get(
    "/page",
    tags=["live"],
    opt=needs("read", "shown", OF_EXPERIMENT),
    dependencies={"asked": Provide(provide_asked, sync_to_thread=False)},
)
async def live_page(
    request: Request[Any, Any, Any],
    caller: OurCaller,
    live: OurLive,
    asked: OurAsked,
    after: AfterText = None,
    start: FromText = "now",
    wait: Annotated[
        float, QueryParameter(ge=0, le=_MOST_WAIT_S, description="Seconds to wait for something new.")
    ] = 0.0,
) -> Response[LivePage]:
    """The same events as one answer, for programs that ask again and again. 204: nothing more will come."""
    checked_number("wait", wait)
    joining = Joining(caller=caller, asked=asked, after=after_of(request, after), start=start)
    listener = await join(live.hub, joining)
    if listener is None:
        return _stop()
    try:
        events, next_id = await collect(listener, wait)
    finally:
        live.hub.leave(listener)
    page: Any = msgspec.json.encode(page_of(events, next_id))
    return Response(page, media_type="application/json", headers=_NO_STORE)


@put("/{name:str}", tags=["live"], opt=needs("read", "shown", OF_EXPERIMENT), status_code=200)
async def changed_live(
    name: FromPath[str], caller: OurCaller, live: OurLive, form: OurForm, data: JSONBody[AskedPage]
) -> Response[ChangedPage]:
    """Change what the stream of this name listens to. At any process; it takes effect at the event `changed`."""
    asked = Asked(**{name: getattr(data, name) for name in Asked.__struct_fields__})
    page = await change_page(live.hub, Joining(caller=caller, asked=asked, name=checked_page(name), start=data.start))
    live.tending.take(page)
    return form.answer(ChangedPage(change=page.change))


def _stop() -> Response[Any]:
    return Response(b"", status_code=204, headers=_NO_STORE)
