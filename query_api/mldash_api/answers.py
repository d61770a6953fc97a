"""The forms of an answer: JSON, or MessagePack where `Accept` asks for it; and server-sent events.

JSON         NaN and infinities are null, or with ?nonfinite=string "NaN", "Infinity", "-Infinity"; bytes are base64
MessagePack  every value exactly as it was logged
events       https://html.spec.whatwg.org/multipage/server-sent-events.html; every event but `alive` has a name, an id
             and one line of JSON
"""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send
from msgspec import Struct

from mldash.answers.rows import NonFinite, with_strings

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
EVENTS: Final = "text/event-stream"
_IN_A_THREAD_FROM: Final = 5_000
_OTHER_NAMES: Final = ("application/x-msgpack", "application/vnd.msgpack")
ALIVE: Final = b": nothing new\n\nevent: alive\ndata: {}\n\n"
"""A browser's EventSource shows no comments: by the event a page knows that the stream is not dead. It has no id, so
the place to come back to stays."""
_RETRY: Final = b"retry: 2000\n\n"
_HEADERS: Final = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
]


class Form(Struct, frozen=True):
    """How one request wants its answer."""

    media_type: str
    nonfinite: NonFinite

    def answer(self, value: Any) -> Response[Any]:
        """The whole answer, encoded at once: no serialiser looks at its values again."""
        return self._response(encode(value, self.media_type, self.nonfinite))

    async def built(self, rows: int, build: Callable[[], Any]) -> Response[Any]:
        """What `build` makes of so many rows; of many in a thread, so that short requests get their turn."""
        if rows < _IN_A_THREAD_FROM:
            return self.answer(build())
        return self._response(await asyncio.to_thread(lambda: encode(build(), self.media_type, self.nonfinite)))

    async def packed(self, rows: int, pack: Callable[[], bytes]) -> Response[Any]:
        """Bytes that `pack` makes in this form."""
        return self._response(pack() if rows < _IN_A_THREAD_FROM else await asyncio.to_thread(pack))

    async def file(self, rows: int, media_type: str, make: Callable[[], bytes]) -> Response[Any]:
        """In another form than these two."""
        content = make() if rows < _IN_A_THREAD_FROM else await asyncio.to_thread(make)
        return Response(content, media_type=media_type, headers={"Vary": "Accept"})

    def _response(self, content: bytes) -> Response[Any]:
        return Response(content, media_type=self.media_type, headers={"Vary": "Accept"})


def form_of(request: Request[Any, Any, Any], nonfinite: NonFinite) -> Form:
    """JSON where `Accept` names neither."""
    wanted = request.accept.best_match([JSON, MSGPACK, *_OTHER_NAMES], default=JSON)
    return Form(JSON if wanted == JSON else MSGPACK, nonfinite)


def encode(value: Any, media_type: str, nonfinite: NonFinite = "null") -> bytes:
    """An answer's bytes."""
    if media_type == MSGPACK:
        return msgspec.msgpack.encode(value)
    return msgspec.json.encode(with_strings(value) if nonfinite == "string" else value)


class SentEvents(Response[bytes]):
    """The answer of a route: it goes on until the end of what is told, or its client's.

    Nothing is made before there is room for it: `send` waits for room in the connection's buffer. A client that has
    gone ends it at once."""

    def __init__(self) -> None:
        super().__init__(b"", media_type=EVENTS)

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
