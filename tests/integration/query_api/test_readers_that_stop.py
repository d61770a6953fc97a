"""A reader that stops reading holds its request for a bounded time, and one that is slow is served to the end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from mldash_api import instruments
from mldash_api.app import Api
from mldash_api.exports import downloads
from mldash_api.exports import ranges as export
from tests.integration.ingest_workers.emitting import eventually
from tests.world import World

from .conftest import Running
from .writing import PREFIX, Chain

pytestmark = pytest.mark.integration

POINTS = 2_000
TEXT = "x" * 4_000
ASKED = f"/v1/metrics/export?prefix={PREFIX}&name=loss&format=jsonl"


class Reading:
    """How many exports are being read; closed when their generator is."""

    def __init__(self) -> None:
        self.begun = self.ended = self.pieces = 0

    def watched(self, real: Callable[..., AsyncGenerator[Any]]) -> Callable[..., AsyncGenerator[Any]]:
        async def pieces(*arguments: Any) -> AsyncGenerator[Any]:
            self.begun += 1
            try:
                async with contextlib.aclosing(real(*arguments)) as found:
                    async for one in found:
                        self.pieces += 1
                        yield one
            finally:
                self.ended += 1

        return pieces


@pytest.fixture
async def reading(world: World, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Eight megabytes of points: more than the kernel keeps for a socket that nobody reads."""
    chain = await Chain(world).begin()
    for _ in range(0, POINTS, 500):
        await chain.append([{"text": TEXT}] * 500)
    monkeypatch.setattr(export, "EXPORT_PIECE_POINTS", 100)
    watch = Reading()
    monkeypatch.setattr(downloads, "pieces", watch.watched(export.pieces))
    return watch


@contextlib.asynccontextmanager
async def asking(port: int) -> AsyncIterator[socket.socket]:
    """A request whose answer waits in a small buffer."""
    loop = asyncio.get_running_loop()
    with socket.socket() as asked:
        asked.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        asked.setblocking(False)
        await loop.sock_connect(asked, ("127.0.0.1", port))
        await loop.sock_sendall(asked, f"GET {ASKED} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert (await loop.sock_recv(asked, 15)).startswith(b"HTTP/1.1 200")
        yield asked


async def test_a_reader_that_stops_is_cut_off_and_everything_of_its_request_is_freed(
    world: World, reading: Reading
) -> None:
    """A real socket that takes the head of the answer and nothing more."""
    running = Running(world.api(send_timeout_s=0.4, stop_timeout_s=2.0))
    async with running:
        before = instruments.readers_gone._value.get()
        async with asking(_port(running.api)) as asked:

            async def cut_off() -> bool:
                return bool(reading.ended == reading.begun == 1 and instruments.readers_gone._value.get() == before + 1)

            await eventually(cut_off)
            assert reading.pieces < POINTS // 100, "it was read to the end for nobody"
            assert not await _is_whole(asked)
        await eventually(_nothing_in_hand)


async def test_a_reader_that_goes_away_ends_its_request(world: World, reading: Reading) -> None:
    running = Running(world.api(stop_timeout_s=2.0))
    async with running:
        async with asking(_port(running.api)):
            pass

        async def ended() -> bool:
            return reading.ended == reading.begun == 1

        await eventually(ended)
        assert reading.pieces < POINTS // 100
        await eventually(_nothing_in_hand)


async def test_a_reader_that_is_slow_gets_all_of_it(world: World, reading: Reading) -> None:
    """It takes a little at a time, so that the whole answer lasts many times as long as a stop may."""
    running = Running(world.api(send_timeout_s=0.5, stop_timeout_s=2.0))
    loop, got, taken = asyncio.get_running_loop(), b"", 0
    async with running:
        begun = loop.time()
        async with asking(_port(running.api)) as asked:
            while b"\r\n0\r\n\r\n" not in got[-16:]:
                data = await loop.sock_recv(asked, 262_144)
                assert data, "the connection ended before the answer"
                got, taken = (got + data)[-16:], taken + len(data)
                if loop.time() - begun < 1.5:
                    await asyncio.sleep(0.02)
        assert loop.time() - begun > 1.0
        assert taken > POINTS * len(TEXT)


async def _is_whole(asked: socket.socket) -> bool:
    """Whether the rest of the answer ends as an answer ends."""
    end = b""
    with contextlib.suppress(ConnectionError):
        while data := await asyncio.get_running_loop().sock_recv(asked, 65_536):
            end = (end + data)[-16:]
    return end.endswith(b"0\r\n\r\n")


def _port(api: Api) -> int:
    return api.port


async def _nothing_in_hand() -> bool:
    return bool(instruments.in_hand._value.get() == 0)
