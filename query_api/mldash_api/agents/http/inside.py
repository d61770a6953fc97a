"""Requests of the API to itself, as the caller of a request that it has in hand: the same door, rights and answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Hashable, Mapping
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

from mldash.errors import ServerUnreachable
from mldash.remote.opening import Opening
from mldash.remote.transport import ANSWER_TIMEOUT_S, Query, Transport

from .shared_reads import ReadAnswer, SharedReads
from .streamed import StreamedAnswer, headers_of

if TYPE_CHECKING:
    from litestar.types import Message, Receive, Scope

_OF_THE_CALL: Final = (
    *(b"content-", b"accept", b"transfer-", b"te", b"expect", b"connection", b"range", b"if-"),
    *(b"mcp-", b"mldash-"),
)
"""Beginnings of headers that tell of the request in hand alone, not of who sent it and how it came."""
_COPIED: Final = ("asgi", "http_version", "scheme", "client", "server", "root_path")


class Inside(Transport):
    """Each from a thread: the event loop answers meanwhile. A change comes from where the request in hand came from, so
    the door (rights/door.py) takes it where it would have taken it from there."""

    def __init__(self, scope: Scope, reads: SharedReads) -> None:
        """`scope`: of the request in hand; `reads`: what it shares with others that are. Called within its event
        loop."""
        super().__init__("http://api")  # what errors call it: where it is asked from outside is a proxy's to know
        self._app, self._loop = scope["litestar_app"], asyncio.get_running_loop()
        self._copied: dict[str, Any] = {name: scope[name] for name in _COPIED if name in scope}
        self._sent = [(name, value) for name, value in scope["headers"] if not name.startswith(_OF_THE_CALL)]
        self._reads, self._who = reads, self._caller()
        self._asking = set[Future[Any]]()
        self._open = set[StreamedAnswer]()
        self._closed = threading.Event()

    def close(self) -> None:
        """Nobody waits for the call any more: requests in hand are cancelled, and further ones refused."""
        self._closed.set()
        for asked in [*self._asking]:
            asked.cancel()
        for answer in [*self._open]:
            answer.cut()

    def open(
        self, path: str, query: Query, headers: Mapping[str, str], silent_s: float, opening: Opening | None = None
    ) -> StreamedAnswer:
        """As Transport.open; `opening` has nothing to cut, for nothing is waited for but the answer's beginning."""
        answer = StreamedAnswer(self.address, self._loop, silent_s, self._open.discard)
        self._open.add(answer)
        scope = self._scope("GET", self._url(path, query), {**self._headers, **headers})
        answer.begin(lambda: self._app(cast("Scope", scope), _whole(b""), answer.take), ANSWER_TIMEOUT_S)
        if self._closed.is_set():  # before it was known to be open
            answer.cut()
        if answer.status >= 300:
            self._settled(answer.status, answer.kind, answer.whole(), answer.headers)
        return answer

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        timeout_s: float,
        posted: bytes | None = None,
        *,
        again: bool = True,
    ) -> ReadAnswer:
        if self._closed.is_set():
            raise ServerUnreachable(self.address, "the caller has gone")
        asked = asyncio.run_coroutine_threadsafe(self._asked(method, url, headers, posted), self._loop)
        self._asking.add(asked)
        try:
            if self._closed.is_set():  # meanwhile
                asked.cancel()
            return asked.result(timeout_s)
        except TimeoutError:
            asked.cancel()
            raise ServerUnreachable(self.address, f"no answer within {timeout_s:g} s") from None
        except CancelledError:
            raise ServerUnreachable(self.address, "the caller has gone") from None
        finally:
            self._asking.discard(asked)

    async def _asked(self, method: str, url: str, headers: Mapping[str, str], posted: bytes | None) -> ReadAnswer:
        async def ask() -> ReadAnswer:
            answer = _Answer()
            scope = self._scope(method, url, headers)
            await self._app(cast("Scope", scope), _whole(posted or b""), answer.take)
            return answer.status, answer.headers.get("content-type", ""), bytes(answer.body), answer.headers

        if method != "GET":
            return await ask()
        return await self._reads.read((self._who, url, frozenset(headers.items())), ask)

    def _caller(self) -> Hashable:
        """All by which the door tells who asks, and from where."""
        client = self._copied.get("client") or ("",)
        others = (str(value) for name, value in self._copied.items() if name != "client")
        return client[0], *others, *self._sent

    def _scope(self, method: str, url: str, headers: Mapping[str, str]) -> dict[str, Any]:
        parts = urlsplit(url)
        own = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
            if name.lower() != "origin"  # it would be ours
        ]
        return {
            **self._copied,
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": parts.path.encode("ascii"),
            "query_string": parts.query.encode("ascii"),
            "headers": [*self._sent, *own],
        }


class _Answer:
    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    async def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], headers_of(message)
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")


def _whole(body: bytes) -> Receive:
    """A request with this body, whose sender stays until it is answered."""
    told = False

    async def receive() -> Any:
        nonlocal told
        if told:
            await asyncio.Event().wait()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
