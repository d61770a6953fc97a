"""/healthz, /readyz and /metrics of a component that has no web server of its own.

    GET /healthz   200 while the process's loop turns
    GET /readyz    200 when the component works, 503 with the reason in a line when it does not
    GET /metrics   the operator metrics, as Prometheus reads them

HTTP/1.1, one answer a connection, on loopback alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog

HOST = "127.0.0.1"
_REQUEST_TIMEOUT_S = 5.0
_HEALTH_TIMEOUT_S = 5.0
_SEND_TIMEOUT_S = 10.0
_REQUEST_BYTES = 16_384

_log = structlog.get_logger()

Health = Callable[[], Awaitable[str | None]]


class HealthServer:
    """Answers questions about one component; `async with` listens and closes."""

    def __init__(self, port: int, health: Health) -> None:
        self._port, self._health = port, health
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> HealthServer:
        """Raises OSError where the port is taken."""
        self._server = await asyncio.start_server(self._answer, HOST, self._port, limit=_REQUEST_BYTES)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        assert self._server is not None, "the server listens only inside its block"
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_S):
                head = await reader.readuntil(b"\r\n\r\n")
            status, kind, body = await self._try_to_reply(head.split(b"\r\n", 1)[0].decode("latin-1"))
            writer.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
                + body
            )
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client has gone, or does not speak HTTP
        except TimeoutError:
            # Who does not take its answer holds this connection, and with it our own end, which waits for it.
            writer.transport.abort()
        finally:
            writer.close()

    async def _try_to_reply(self, request_line: str) -> tuple[HTTPStatus, str, bytes]:
        try:
            return await self._reply(request_line)
        except Exception as error:
            _log.exception("a question about health could not be answered", request=request_line[:200])
            text = f"the look itself failed: {type(error).__name__}: {error}\n"
            return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", text.encode(errors="replace")

    async def _reply(self, request_line: str) -> tuple[HTTPStatus, str, bytes]:
        method, _, rest = request_line.partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET only\n"
        if path == "/healthz":
            return HTTPStatus.OK, "text/plain", b"ok\n"
        if path == "/readyz":
            reason = await self._why_not_ready()
            if reason is None:
                return HTTPStatus.OK, "text/plain", b"ready\n"
            return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{reason}\n".encode()
        if path == "/metrics":
            # Imported here: a component whose port is never asked does not pay for it.
            from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

            return HTTPStatus.OK, CONTENT_TYPE_LATEST, generate_latest()
        return HTTPStatus.NOT_FOUND, "text/plain", b"there are /healthz, /readyz and /metrics\n"

    async def _why_not_ready(self) -> str | None:
        try:
            async with asyncio.timeout(_HEALTH_TIMEOUT_S):
                return await self._health()
        except TimeoutError:
            return f"no answer from the component itself within {_HEALTH_TIMEOUT_S:g} s"
