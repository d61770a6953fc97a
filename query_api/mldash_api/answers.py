"""The forms of an answer: JSON, or MessagePack where `Accept` asks for it.

JSON         NaN and infinities are null, or with ?nonfinite=string "NaN", "Infinity", "-Infinity"; bytes are base64
MessagePack  every value exactly as it was logged
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import msgspec
from litestar import Request, Response
from msgspec import Struct

from mldash.answers.rows import NonFinite, with_strings

JSON: Final = "application/json"
MSGPACK: Final = "application/msgpack"
_IN_A_THREAD_FROM: Final = 5_000
_OTHER_NAMES: Final = ("application/x-msgpack", "application/vnd.msgpack")


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
