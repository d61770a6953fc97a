"""A listener as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Every event but `alive` has a name, an id and one line of JSON. What the client does not take stays in the store: `send`
waits for room in the connection's buffer, and the next event is made when there is some. A client that takes nothing at
all is cut off by sending.py; one that has gone ends the listener at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from time import monotonic
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

from mldash_api.errors import ApiError
from mldash_ingest.documents.mongo import PyMongoError

from .hub import Hub
from .listener import Event, Listener

MEDIA_TYPE: Final = "text/event-stream"
_RETRY: Final = b"retry: 2000\n\n"
_ALIVE: Final = b": nothing new\n\nevent: alive\ndata: {}\n\n"
"""A browser's EventSource shows no comments: by the event a page knows that the stream is not dead. It has no id, so
the place to come back to stays."""
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]
_log = structlog.get_logger()


class EventStream(Response[bytes]):
    """The answer of a route: it goes on until the listener's end, or its client's."""

    def __init__(self, hub: Hub, listener: Listener) -> None:
        super().__init__(b"", media_type=MEDIA_TYPE)
        self._hub, self._listener = hub, listener

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **_: Any) -> ASGIApp:  # type: ignore[override]
        return self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        sending = asyncio.create_task(self._send(send))
        leaving = asyncio.create_task(_leaves(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sending.cancel()
            leaving.cancel()
            await asyncio.wait({sending, leaving})
            self._hub.leave(self._listener)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
        async with aclosing(told_to_its_end(self._listener)) as told:
            async for event in told:
                begun = monotonic()
                body = _ALIVE if event is None else text_of(event)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                self._listener.was_blocked(monotonic() - begun)
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def told_to_its_end(listener: Listener) -> AsyncGenerator[Event | None]:
    """What it is told; where that fails, `closed` says so, and the client goes on from the id before."""
    last = None
    try:
        async with aclosing(listener.told()) as told:
            async for event in told:
                last = event.id if event is not None else last
                yield event
    except (ApiError, PyMongoError) as error:
        _log.warning("a listener ends", error=f"{type(error).__name__}: {str(error)[:200]}")
        if last is not None:
            reason = error.type if isinstance(error, ApiError) else "server-away"
            yield Event("closed", last, msgspec.json.encode({"reason": reason}))


def text_of(event: Event) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (event.name.encode(), event.id.encode(), event.data)


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def page_of(events: Iterable[Event], next_id: str) -> dict[str, Any]:
    """The same events as one answer."""
    told = [{"event": one.name, "id": one.id, "data": msgspec.Raw(one.data)} for one in events]
    return {"events": told, "next": next_id}
