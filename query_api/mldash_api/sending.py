"""A reader that stops taking its answer for too long loses the connection, and its request ends.

uvicorn waits for room in a connection's buffer without a bound (`FlowControl.drain`), and none of its timeouts counts
while an answer is being sent. A reader that stops, as a notebook's cell that was interrupted, or a pipe into a program
that hangs, would hold its request for ever, with its place in memory, its cursor and its generator.

Progress counts, not the duration of an answer: a slow reader is served to the end.
"""

import array
import asyncio
import contextlib
import fcntl
import termios
from typing import Final

import structlog
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from . import instruments

_LOOKS: Final = 4
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


def bounded_protocol(limit_s: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, with that bound."""

    class Bounded(HttpToolsProtocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.flow = BoundedFlow(transport, limit_s)

    return Bounded
