"""A reader that stops taking its answer for too long loses the connection, and its request ends.

uvicorn waits for room in a connection's buffer without a bound (`FlowControl.drain`), and none of its timeouts counts
while an answer is being sent. A reader that stops, as a notebook's cell that was interrupted, or a pipe into a program
that hangs, would hold its request for ever, with its place in memory, its cursor and its generator.

Progress counts, not the duration of an answer: a slow reader is served to the end.

And what comes has a bound: uvicorn's parser (llhttp) takes addresses and headers of any length into memory.
"""

import array
import asyncio
import contextlib
import fcntl
import http.client
import termios
from typing import Final

import msgspec
import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from . import instruments
from .limits import MOST_ADDRESS_BYTES, MOST_HEAD_BYTES

_LOOKS: Final = 4
_REFUSED_STAYS_S: Final = 2.0
_log = structlog.get_logger()


class BoundedFlow(FlowControl):
    """Waits for room in the buffer as long as the reader takes something now and then."""

    def __init__(self, transport: asyncio.Transport, limit_s: float) -> None:
        super().__init__(transport)
        self._limit_s = limit_s

    async def drain(self) -> None:
        """When there is room, or the connection is gone."""
        looks, left_bytes = 0, self._left_bytes()
        while True:
            try:
                async with asyncio.timeout(self._limit_s / _LOOKS):
                    await super().drain()
                return
            except TimeoutError:
                before, left_bytes = left_bytes, self._left_bytes()
            looks = looks + 1 if left_bytes >= before else 0
            if looks >= _LOOKS:
                instruments.readers_gone.inc()
                _log.info("a reader takes nothing of its answer: cut off", after_s=self._limit_s, unsent=left_bytes)
                # Not close(), which waits until the reader takes the rest. The application is told http.disconnect, as
                # for any reader that has gone, and the request ends.
                self._transport.abort()
                return

    def _left_bytes(self) -> int:
        """Bytes not taken by the reader's side: in the transport, and in the kernel, which keeps megabytes and asks for
        more only when a third of them is gone; by the transport alone a slow reader looks like one that has stopped."""
        left = self._transport.get_write_buffer_size()
        taken_by = self._transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):  # no such question on this system
            answer = array.array("i", [0])
            fcntl.ioctl(taken_by.fileno(), termios.TIOCOUTQ, answer)
            left += answer[0]
        return left


class _HeadTooLarge(Exception):
    """Ends the parser."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with bounds for what a client sends before its body. `limit_s`: BoundedFlow."""

    limit_s: float
    _head_bytes = 0
    _is_in_head = True
    _refused: int | None = None
    """The status of what is too large."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = BoundedFlow(transport, self.limit_s)

    def data_received(self, data: bytes) -> None:
        if self._refused is not None:
            return
        super().data_received(data)
        if self._is_in_head and self._refused is None:
            # An address or a header that has no end yet is known to the parser alone.
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEAD_BYTES:
                self._refused = 431
                self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes, self._is_in_head = 0, True

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MOST_ADDRESS_BYTES:
            self._refused = 414
            raise _HeadTooLarge

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MOST_HEAD_BYTES:
            self._refused = 431
            raise _HeadTooLarge
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Of what can't be parsed, and of what we refuse: nothing more is read of this connection."""
        if self._refused is None:
            super().send_400_response(msg)
            return
        limit = MOST_ADDRESS_BYTES if self._refused == 414 else MOST_HEAD_BYTES
        what = "an address" if self._refused == 414 else "address and headers together"
        self.transport.write(_refusal(self._refused, f"{what} may have {limit:,} bytes: ask for less at once"))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        # Closed at once, with bytes of the client's on the way, the connection is reset and the answer lost.
        self.loop.call_later(_REFUSED_STAYS_S, self.transport.abort)


def _refusal(status: int, detail: str) -> bytes:
    body = msgspec.json.encode(
        {"type": "request-too-large", "title": "Request too large", "status": status, "detail": detail}
    )
    reason = http.client.responses[status]
    head = (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def bounded_protocol(limit_s: float) -> type[BoundedProtocol]:
    """With that bound for readers."""
    return type("Bounded", (BoundedProtocol,), {"limit_s": limit_s})
