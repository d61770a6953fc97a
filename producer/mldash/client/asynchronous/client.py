"""`AsyncClient`: what a user of asyncio holds."""

from __future__ import annotations

import os

from mldash.client.client import Client

from .found import AsyncFoundRuns
from .live import AsyncLive
from .open_run import AsyncOpenRun
from .threads import in_thread, made


class AsyncClient:
    """A Client for asyncio: its calls with their arguments, answers and errors, those that ask something awaited.

        client = AsyncClient("http://127.0.0.1:8000")
        async for run in client.runs('status = "FAILED"', columns=["params.lr"]):
            print(run.prefix, run["params.lr"])
        async with client.live("alice/robots/walk-07") as live:
            async for event in live:
                ...

    `runs`, `run`, `live` and `explain` return at once; `fields`, `groups`, `compare`, `parted`, `grid`, `audit`,
    `lines`, `annotate` and `grants` are awaited.
    It holds nothing open between calls. For one event loop at a time.
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        remote: str | None = None,
        token: str | None = None,
        token_over_http: bool | None = None,
    ) -> None:
        """As `Client()`."""
        client = Client(where, root=root, remote=remote, token=token, token_over_http=token_over_http)
        self._client = client
        self.runs = made(client.runs, AsyncFoundRuns)
        self.run = made(client.run, AsyncOpenRun)
        self.live = made(client.live, AsyncLive)
        self.explain = client.explain
        self.fields = in_thread(client.fields)
        self.groups = in_thread(client.groups)
        self.compare = in_thread(client.compare)
        self.parted = in_thread(client.parted)
        self.grid = in_thread(client.grid)
        self.audit = in_thread(client.audit)
        self.lines = in_thread(client.lines)
        self.annotate = in_thread(client.annotate)
        self.grants = in_thread(client.grants)

    @property
    def where(self) -> str:
        """The API's address without credentials, or the folder's whole path."""
        return self._client.where

    def __repr__(self) -> str:
        return f"<AsyncClient {self.where}>"
