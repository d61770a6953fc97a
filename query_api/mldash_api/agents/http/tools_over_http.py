"""The tools within the API: each call reads as the caller of its request, by the API's own routes (inside.py)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from mcp.server.transport_security import TransportSecuritySettings

from mldash.client.client import Client
from mldash.settings import SdkSettings
from mldash_api.agents.changing import CHANGING
from mldash_api.agents.server import make_server
from mldash_api.agents.threads import share
from mldash_api.agents.tools import READING
from mldash_api.rights.caller import Caller

from .inside import Inside
from .shared_reads import SharedReads

if TYPE_CHECKING:
    from litestar.types import Receive, Scope, Send

_client: Final[ContextVar[Client]] = ContextVar("client")
_THREADS_OF_ONE: Final = 8
"""Reads of one caller at once; further ones wait for them, and nobody else does."""
# No process that the API starts writes for itself: what it reads was written by others.
_SETTINGS: Final = SdkSettings()


class ToolsOverHttp:
    """An ASGI application. Without sessions: a call is whole in one request, so that any process of the API answers it,
    and one whose client has gone is cancelled."""

    def __init__(self, *, changes: bool = False) -> None:
        """`changes`: offer the tools that change something, to those who may write."""
        self._ending = asyncio.Event()
        self._shares = WeakValueDictionary[str, asyncio.Semaphore]()
        """By caller, of those who have a call in hand."""
        self._reads = SharedReads()
        server = make_server(_client.get, self._ending, (*READING, *CHANGING) if changes else READING)
        # Host and Origin are the door's to check (rights/door.py), before any request comes here.
        trusting = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        server.streamable_http_app(stateless_http=True, transport_security=trusting)
        self._manager = server.session_manager

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """While calls are taken. Whoever waits for something is told "not yet" at its end."""
        try:
            async with self._manager.run():
                yield
        finally:
            _end_watcher()

    def end(self) -> None:
        """Who waits is told "not yet" now."""
        self._ending.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        inside, own_share = Inside(scope, self._reads), self._share_of(scope["user"])
        token, of_threads = _client.set(Client.over(inside, _SETTINGS)), share.set(own_share)
        try:
            await self._manager.handle_request(scope, receive, send)  # type: ignore[arg-type]
        finally:
            share.reset(of_threads)
            _client.reset(token)
            inside.close()

    def _share_of(self, caller: Caller) -> asyncio.Semaphore:
        who = caller.token_id or caller.sign_in_id or caller.address or ""
        return self._shares.setdefault(who, asyncio.Semaphore(_THREADS_OF_ONE))


def _end_watcher() -> None:
    """sse-starlette, by which answers stream, begins a task with the first one, and ends it by a signal's handler of
    uvicorn that a process of ours does not have."""
    for task in asyncio.all_tasks():
        if getattr(task.get_coro(), "__name__", "") == "_shutdown_watcher":
            task.cancel()
