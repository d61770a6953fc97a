"""An answer of the API to itself that goes on: the event loop puts what comes, a thread takes it."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final, cast

from mldash.errors import ServerUnreachable

if TYPE_CHECKING:
    from litestar.types import Message

_MOST_BYTES: Final = 1 << 20
"""Put and not taken: beyond it the answer waits, as on a connection."""


class StreamedAnswer:
    """An OpenAnswer (mldash/remote/streaming.py)."""

    def __init__(
        self,
        address: str,
        loop: asyncio.AbstractEventLoop,
        silent_s: float,
        ended: Callable[[StreamedAnswer], None],
    ) -> None:
        """`ended` is called when nothing of it stays."""
        self.status, self.kind = 0, ""
        self.headers: dict[str, str] = {}
        self._address, self._loop, self._silent_s, self._ended = address, loop, silent_s, ended
        self._parts = queue.SimpleQueue[bytes]()
        """An empty one is the end."""
        self._has_begun = threading.Event()
        self._is_over = False
        self._waiting_bytes, self._room = 0, asyncio.Event()
        self._answering: Future[None] | None = None

    def begin(self, ask: Callable[[], Awaitable[None]], within_s: float) -> None:
        """Until status and headers are there. Raises ServerUnreachable."""
        answering = asyncio.run_coroutine_threadsafe(cast("Coroutine[Any, Any, None]", ask()), self._loop)
        self._answering = answering
        answering.add_done_callback(self._end)
        if not self._has_begun.wait(within_s):
            self.cut()
            raise ServerUnreachable(self._address, f"no answer within {within_s:g} s")
        if not self.status:
            raise ServerUnreachable(self._address, "the caller has gone")

    async def take(self, message: Message) -> None:
        """What the API sends, within the event loop."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], headers_of(message)
            self.kind = self.headers.get("content-type", "")
            self._has_begun.set()
        elif message["type"] == "http.response.body" and (part := message.get("body", b"")):
            self._parts.put(bytes(part))
            self._waiting_bytes += len(part)
            while self._waiting_bytes > _MOST_BYTES:
                self._room.clear()
                await self._room.wait()

    def read(self) -> bytes:
        if self._is_over:
            return b""
        try:
            part = self._parts.get(timeout=self._silent_s)
        except queue.Empty:
            raise ServerUnreachable(self._address, f"nothing came for {self._silent_s:g} s") from None
        self._is_over = not part
        if part:
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                self._loop.call_soon_threadsafe(self._taken, len(part))
        return part

    def whole(self) -> bytes:
        """All that is left of it."""
        return b"".join(iter(self.read, b""))

    def cut(self) -> None:
        if self._answering is not None:
            self._answering.cancel()

    def close(self) -> None:
        self.cut()

    def _taken(self, count: int) -> None:
        self._waiting_bytes -= count
        self._room.set()

    def _end(self, answering: Future[None]) -> None:
        """It has ended, or was cut; what it failed by is the API's, which has said so."""
        self._parts.put(b"")
        self._has_begun.set()
        self._ended(self)


def headers_of(message: Message) -> dict[str, str]:
    """Of an answer's start, by names in small letters."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in message["headers"]}  # type: ignore[typeddict-item]
