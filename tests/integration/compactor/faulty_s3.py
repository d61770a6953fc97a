"""An S3 that fails, is slow, or answers a put with an error though it has stored the object: a proxy before a real one.

Requests are forwarded whole, one a connection, so that a fault can be chosen by what a request is.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import urlsplit

from mldash.connections.servers import Servers
from mldash_compactor.chunks.s3 import ObjectStore


class Request(NamedTuple):
    """What a fault is chosen by."""

    method: str
    path: str


class Fault(NamedTuple):
    """`stored`: the request goes through, and its answer is thrown away. `delay_s` comes before all of it."""

    status: int | None = None
    stored: bool = False
    delay_s: float = 0.0
    cut: bool = False


Choose = Callable[[Request], Fault | None]


def store_at(servers: Servers, endpoint: str) -> ObjectStore:
    """The bucket of these servers, asked for at another address."""
    return ObjectStore(
        endpoint=endpoint,
        bucket=servers.s3_bucket,
        access_key=servers.s3_access_key,
        secret_key=servers.s3_secret_key,
    )


_ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>made by a test</Message></Error>"


class FaultyS3:
    """Runs in a thread of its own. `choose` may be set at any time; `hits` are the requests that met a fault."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._target = parts.hostname or "", parts.port or 80
        self.choose: Choose = lambda request: None
        self.hits: list[Request] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty s3")
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._connected, "127.0.0.1", 0), self._loop)
        self._server = started.result(10)
        self.endpoint = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self._serve(reader, writer)
        writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, path, _ = lines[0].split(" ", 2)
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        if headers.get("expect", "").lower() == "100-continue":
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            lines = [line for line in lines if not line.lower().startswith("expect:")]
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        request = Request(method, path)
        fault = self.choose(request)
        if fault is not None:
            self.hits.append(request)
            await asyncio.sleep(fault.delay_s)
        if fault is None or fault.stored or (fault.status is None and not fault.cut):
            answer = await self._forward(lines, body)
        if fault is not None and fault.cut:
            writer.transport.abort()
        elif fault is not None and fault.status is not None:
            length = len(_ERROR) if method != "HEAD" else 0
            writer.write(
                f"HTTP/1.1 {fault.status} No\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(_ERROR if length else b"")
        else:
            writer.write(answer)
        await writer.drain()

    async def _forward(self, lines: list[str], body: bytes) -> bytes:
        kept = [line for line in lines if line and not line.lower().startswith("connection:")]
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            writer.write("\r\n".join([*kept, "Connection: close", "", ""]).encode("latin-1") + body)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


@contextmanager
def faulty_s3(endpoint: str) -> Iterator[FaultyS3]:
    """The proxy; it ends with the block."""
    proxy = FaultyS3(endpoint)
    try:
        yield proxy
    finally:
        proxy.stop()
