"""An API on the test's own world, and a client that speaks to it over HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from mldash_api.app import Api
from mldash_api.settings import ApiSettings
from tests.plain_http import plain_http
from tests.stack import StackAddresses
from tests.world import World, stores_alone


class Client:
    """Asks the API. Answers come as MessagePack, so that every value is exact."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def raw(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        return await self.http.get(path, params=query, headers=headers or {})

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Any:
        answer = await self.raw(path, {"Accept": "application/msgpack", **(headers or {})}, **query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/msgpack"
        return msgspec.msgpack.decode(answer.content)

    async def problem(self, path: str, status: int, headers: dict[str, str] | None = None, **query: Any) -> Any:
        answer = await self.raw(path, headers, **query)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.json()


class Patient(Client):
    """Asks again where a stream moved under every attempt to read it, as the problem says."""

    async def raw(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        while (answer := await super().raw(path, headers, **query)).status_code == 503:
            assert answer.json()["type"] == "read-overtaken", answer.text
        return answer


class Running:
    """An API that runs, and stops when told."""

    def __init__(self, settings: ApiSettings) -> None:
        self.api, self._stop = Api(settings), asyncio.Event()

    async def __aenter__(self) -> Client:
        self._task = asyncio.create_task(self.api.run(self._stop))
        await asyncio.sleep(0)  # the port is taken before the first wait
        if self._task.done():
            await self._task
        self._http = self.client()
        first = asyncio.create_task(self._http.get("/healthz"))
        await asyncio.wait({first, self._task}, return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            await asyncio.gather(first, self._http.aclose(), return_exceptions=True)
            await self._task
        await first
        return Client(self._http)

    def client(self) -> httpx.AsyncClient:
        """Once the port is known."""
        return plain_http(base_url=f"http://127.0.0.1:{self.api.port}", timeout=30)

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()
        self._stop.set()
        await self._task


@pytest.fixture
async def world(stack: StackAddresses) -> AsyncIterator[World]:
    """Reads know nothing of Kafka."""
    async with stores_alone(stack) as made:
        yield made


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    async with Running(world.api(stop_timeout_s=2.0)) as made:
        yield made
