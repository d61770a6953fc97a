"""Server-sent events as an answer (https://html.spec.whatwg.org/multipage/server-sent-events.html).

Every event but `alive` has a name, an id and one line of JSON. Nothing is made before there is room for it: `send`
waits for room in the connection's buffer. A client that has gone ends it at once. Without a store: local mode answers
so too.
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"
ALIVE: Final = b": nothing new\n\nevent: alive\ndata: {}\n\n"
"""A browser's EventSource shows no comments: by the event a page knows that the stream is not dead. It has no id, so
the place to come back to stays."""
_RETRY: Final = b"retry: 2000\n\n"
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class SentEvents(Response[bytes]):
    """The answer of a route: it goes on until the end of what is told, or its client's."""

    def __init__(self) -> None:
        super().__init__(b"", media_type=MEDIA_TYPE)

    @abstractmethod
    def bodies(self) -> AsyncGenerator[bytes]:
        """Whole events. The next one is asked for when this one is sent."""

    @abstractmethod
    def ended(self) -> None:
        """Nothing more is sent."""

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
            self.ended()
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": _RETRY, "more_body": True})
        async with aclosing(self.bodies()) as bodies:
            async for body in bodies:
                await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def text_of(name: str, id_: str, data: bytes) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), id_.encode(), data)


async def _leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
