"""A door before an API that ends connections in the middle of what passes."""

import asyncio
import contextlib
import random
from collections.abc import Callable


class Door:
    """Inside its block it listens at `port`; the API behind it may be another at each connection."""

    def __init__(self, port_of: Callable[[], int | None], seed: int) -> None:
        """`port_of` None: there is none at the moment."""
        self._port_of, self._chance = port_of, random.Random(seed)
        self.cuts = 0
        self.is_calm = False
        """Whether it cuts no more."""
        self._tasks = set[asyncio.Task[None]]()

    async def __aenter__(self) -> "Door":
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            port = self._port_of()
            if port is not None:
                await self._between(port, reader, writer)
        except OSError:
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _between(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_connection("127.0.0.1", port)
        ways = [asyncio.create_task(one) for one in (_pass(reader, there), self._pass_back(there_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in ways:
                one.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            there.transport.abort()

    async def _pass_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self._chance.randrange(50_000, 250_000)  # an event has to fit, else nothing ever goes on
        while data := await reader.read(4_096):
            if not self.is_calm and (left := left - len(data)) < 0:
                writer.write(data[: self._chance.randrange(len(data))])
                await writer.drain()
                self.cuts += 1
                return
            writer.write(data)
            await writer.drain()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
