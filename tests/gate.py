"""A TCP port before a server's, that can be shut and opened, held and let go: how a server goes away, or does not
answer, and comes back."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Gate:
    """Runs in a thread of its own, for a client may block the loop that it closes in."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._open = True
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="gate")
        self._thread.start()
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._connected, "127.0.0.1", 0), self._loop)
        self._server = started.result(10)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def shut(self) -> None:
        """Every connection is cut, and new ones are closed at once."""
        self._in_loop(self._cut())

    def open(self) -> None:
        self._open = True

    def hold(self) -> None:
        """Connections stay, and nothing passes through them."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def let_go(self) -> None:
        self._loop.call_soon_threadsafe(self._flowing.set)

    def stop(self) -> None:
        self._in_loop(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _in_loop(self, coroutine: object) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)  # type: ignore[arg-type]

    async def _cut(self) -> None:
        self._open = False
        for writer in list(self._writers):
            writer.transport.abort()

    async def _end(self) -> None:
        await self._cut()
        self._flowing.set()
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:  # they end by themselves, as their connections are cut; cancelled, asyncio logs them as failed
            await asyncio.wait(others, timeout=5)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._open:
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        with suppress(ConnectionError):
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()
            self._writers.discard(writer)


@contextmanager
def gate_before(address: str) -> Iterator[tuple[Gate, str]]:
    """The gate, and host:port to be used in place of the server's."""
    server = urlsplit(address)
    gate = Gate(server.hostname or "", server.port or 80)
    try:
        yield gate, f"127.0.0.1:{gate.port}"
    finally:
        gate.stop()
