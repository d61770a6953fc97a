"""A listener over HTTP, as a browser is one: it reads server-sent events, and comes back with the last id."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import httpx

from tests.plain_http import plain_http


class Heard(NamedTuple):
    """One event."""

    name: str
    id: str
    data: Any


class Ear:
    """One connection's events."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.comments = self.alive = 0
        self.retry: str | None = None
        self.heard = list[Heard]()
        self._lines = answer.aiter_lines()

    async def next(self) -> Heard:
        """Raises StopAsyncIteration at the end."""
        fields = dict[str, str]()
        async for line in self._lines:
            if not line and fields.get("event") == "alive":
                self.alive += 1
                fields.clear()
            elif not line and "event" in fields:
                self.heard.append(Heard(fields["event"], fields["id"], json.loads(fields["data"])))
                return self.heard[-1]
            if not line:
                continue
            name, _, value = line.partition(": ")
            if not name:
                self.comments += 1
            elif name == "retry":
                self.retry = value
            else:
                fields[name] = value
        raise StopAsyncIteration

    async def until(self, name: str, seconds: float = 90.0) -> Heard:
        """The next one of this name; what came before it is in `heard`."""
        return await self.until_true(lambda heard: heard.name == name, seconds)

    async def until_true(self, is_it: Callable[[Heard], bool], seconds: float = 90.0) -> Heard:
        async with asyncio.timeout(seconds):
            while True:
                found = await self.next()
                if is_it(found):
                    return found

    async def end(self, seconds: float = 90.0) -> None:
        """Until the stream is over."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.next()
            except (StopAsyncIteration, RuntimeError, httpx.HTTPError):
                return


@asynccontextmanager
async def listening(port: int, headers: dict[str, str] | None = None, **query: Any) -> AsyncIterator[Ear]:
    async with (
        plain_http(base_url=f"http://127.0.0.1:{port}", timeout=60) as http,
        http.stream("GET", "/v1/live", params=query, headers=headers or {}) as answer,
    ):
        if answer.status_code != 200:
            await answer.aread()
        yield Ear(answer)


def indices_of(heard: list[Heard], name: str | None = "loss") -> list[int]:
    """Of one metric's points, in the order in which they came."""
    return [
        point["index"]
        for one in heard
        if one.name == "points"
        for block in one.data
        if block["name"] == name
        for point in block["points"]
    ]
