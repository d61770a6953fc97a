"""A browser, as far as the API can tell: it keeps cookies and sends Origin and Sec-Fetch-… as browsers do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.plain_http import plain_http

from .conftest import Client


class Browser:
    """With a page of the API open."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.origin = str(http.base_url).rstrip("/")

    async def get(self, path: str, **query: Any) -> httpx.Response:
        """What a script of the page asks."""
        return await self.http.get(path, params=query, headers={"Sec-Fetch-Site": "same-origin"})

    async def open(self, path: str, site: str = "none", **query: Any) -> httpx.Response:
        """An address that a person opens; `site`: where the link to it stood."""
        return await self.http.get(path, params=query, headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"})

    async def change(
        self, method: str, path: str, content: Any = None, origin: str | None = None, site: str = "same-origin"
    ) -> httpx.Response:
        headers = {"Origin": self.origin if origin is None else origin, "Sec-Fetch-Site": site}
        return await self.http.request(method, path, json=content, headers=headers)

    async def sign_in(self, token: str, **more: Any) -> httpx.Response:
        return await self.change("POST", "/v1/sign-in", {"token": token, **more})

    @property
    def cookies(self) -> list[str]:
        return sorted(self.http.cookies.keys())


@asynccontextmanager
async def browser_of(client: Client) -> AsyncIterator[Browser]:
    """A new one."""
    async with plain_http(base_url=client.http.base_url, timeout=30) as http:
        yield Browser(http)
