"""What runs a component asks it over HTTP: for those that have no web server of their own.

    GET /healthz        200 while the process's loop turns
    GET /readyz         200 when the component can do its own work now, 503 with the reason in a line when it can't
    GET /dependencies   the servers that it works with, as JSON: [{"name", "ok", "why", "since"}, …]
    GET /metrics        the operator metrics, as Prometheus reads them

HTTP/1.1, one answer a connection. Nobody is asked who they are: it listens on loopback unless a setting says otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
from msgspec import Meta, Struct

from .dependencies import Dependency

_REQUEST_TIMEOUT_S = 5.0
_HEALTH_TIMEOUT_S = 5.0
_SEND_TIMEOUT_S = 10.0
_REQUEST_BYTES = 16_384
_PATHS = b"there are /healthz, /readyz, /dependencies and /metrics\n"

_log = structlog.get_logger()

HealthHost = Annotated[
    str, Meta(min_length=1, description="The address of health_port; 0.0.0.0 for probes of a cluster.")
]
HealthPort = Annotated[
    int, Meta(ge=0, le=65_535, description="/healthz, /readyz, /dependencies and /metrics; 0: none.")
]

LOOPBACK = "127.0.0.1"


async def _the_loop_turns() -> str | None:
    return None


async def _no_dependencies() -> list[Dependency]:
    return []


async def own_metrics() -> bytes:
    """Of this process, in Prometheus' text format."""
    # Imported here: a component whose port is never asked does not pay for it.
    from prometheus_client import generate_latest

    return generate_latest()


class Questions(Struct, frozen=True):
    """Who answers each question about a component. The first two: None, or what is wrong."""

    ready: Callable[[], Awaitable[str | None]]
    alive: Callable[[], Awaitable[str | None]] = _the_loop_turns
    dependencies: Callable[[], Awaitable[list[Dependency]]] = _no_dependencies
    metrics: Callable[[], Awaitable[bytes]] = own_metrics


class HealthAddress(Struct, frozen=True):
    """A host's address and a port on it; 0: any free one."""

    host: str
    port: int


def health_address(host: str, port: int) -> HealthAddress | None:
    """Of settings; None where the port is 0, which serves no health."""
    return HealthAddress(host, port) if port else None


class HealthServer:
    """Answers questions about one component; `async with` listens and closes."""

    def __init__(self, address: HealthAddress | Path, questions: Questions) -> None:
        """A path is that of a Unix socket, which is made."""
        self._address, self._questions = address, questions
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> HealthServer:
        """Raises OSError where the address is taken, or is none of this host."""
        at = self._address
        if isinstance(at, Path):
            self._server = await asyncio.start_unix_server(self._answer, at, limit=_REQUEST_BYTES)
        else:
            self._server = await asyncio.start_server(self._answer, at.host, at.port, limit=_REQUEST_BYTES)
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
        questions = self._questions
        if method not in ("GET", "HEAD"):
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET only\n"
        if path == "/healthz":
            return await _yes_or_why(b"ok\n", questions.alive)
        if path == "/readyz":
            return await _yes_or_why(b"ready\n", questions.ready)
        if path == "/dependencies":
            return HTTPStatus.OK, "application/json", msgspec.json.encode(await questions.dependencies()) + b"\n"
        if path == "/metrics":
            from prometheus_client import CONTENT_TYPE_LATEST

            return HTTPStatus.OK, CONTENT_TYPE_LATEST, await questions.metrics()
        return HTTPStatus.NOT_FOUND, "text/plain", _PATHS


async def _yes_or_why(yes: bytes, question: Callable[[], Awaitable[str | None]]) -> tuple[HTTPStatus, str, bytes]:
    try:
        async with asyncio.timeout(_HEALTH_TIMEOUT_S):
            why = await question()
    except TimeoutError:
        why = f"no answer from the component itself within {_HEALTH_TIMEOUT_S:g} s"
    if why is None:
        return HTTPStatus.OK, "text/plain", yes
    return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{why}\n".encode()
