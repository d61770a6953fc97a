"""What is new, for asyncio: a listener's events, taken by a thread of its own, one when one is asked for."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import weakref
from typing import Any

from mldash.client.live.events import LiveEvent
from mldash.client.live.listener import Live
from mldash.process.locks import Bell

_JOIN_S = 10.0
_Given = tuple[LiveEvent | None, str | None]
"""An event and the id behind it."""


class AsyncLive:
    """The Live of `client.live(…)` for asyncio: `async for event in live`, in an `async with`. Who is cancelled while
    waiting loses nothing: the event is the next one's."""

    def __init__(self, live: Live) -> None:
        self._live, self._id = live, live.id
        self._taking = _Taking(live)
        self._thread: threading.Thread | None = None
        # One that is dropped unclosed keeps no thread and no connection.
        weakref.finalize(self, self._taking.close).atexit = False

    @property
    def id(self) -> str | None:
        """As Live.id: behind all events that were given, not those that a thread has taken for who comes next."""
        return self._id

    def __aiter__(self) -> AsyncLive:
        return self

    async def __anext__(self) -> LiveEvent:
        taking = self._taking
        if taking.is_closed:
            raise StopAsyncIteration
        if self._thread is None:
            self._thread = threading.Thread(target=taking.run, name="mldash-live", daemon=True)
            self._thread.start()
        if taking.asked is None:
            taking.ask(asyncio.get_running_loop().create_future())
        asked = taking.asked
        assert asked is not None, "just asked"
        try:
            event, id_ = await asyncio.shield(asked)
        except asyncio.CancelledError:
            raise  # whoever comes next gets it, also where it has come in this very moment
        except BaseException:
            taking.asked = None
            raise
        taking.asked = None
        if event is None:
            await self.close()
            raise StopAsyncIteration
        self._id = id_
        return event

    async def change(self, prefixes: Any = (), **asked: Any) -> int:
        """As Live.change."""
        return await asyncio.to_thread(self._live.change, prefixes, **asked)

    async def close(self) -> None:
        """End it: the connection is closed, and the loop ends. Again: nothing."""
        asked = self._taking.asked
        self._taking.close()
        if asked is not None:
            asked.add_done_callback(_look_away)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, _JOIN_S)
        if asked is not None:
            _settle(asked, (None, None), None)  # whoever waits for it

    async def __aenter__(self) -> AsyncLive:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Async{repr(self._live)[1:]}"


class _Taking:
    """The thread's part. It knows of no AsyncLive, so that the thread keeps none that was dropped."""

    def __init__(self, live: Live) -> None:
        self._live, self._bell = live, Bell()
        self.asked: asyncio.Future[_Given] | None = None
        self.is_closed = False

    def ask(self, asked: asyncio.Future[_Given]) -> None:
        self.asked = asked
        self._bell.ring()

    def close(self) -> None:
        """From any thread, and from a finaliser."""
        self.is_closed = True
        self._live.close()
        self._bell.ring()

    def run(self) -> None:
        while not self.is_closed:
            if not self._bell.wait(threading.TIMEOUT_MAX):
                continue
            asked = self.asked
            if asked is None or self.is_closed:
                continue
            given: _Given = (None, None)
            failed: BaseException | None = None
            try:
                given = next(self._live, None), self._live.id
            except BaseException as error:  # it is the loop's to raise
                failed = error
            with contextlib.suppress(RuntimeError):  # the event loop has ended
                asked.get_loop().call_soon_threadsafe(_settle, asked, given, failed)


def _settle(asked: asyncio.Future[_Given], given: _Given, failed: BaseException | None) -> None:
    if asked.done():
        return
    if failed is not None:
        asked.set_exception(failed)
    else:
        asked.set_result(given)


def _look_away(asked: asyncio.Future[_Given]) -> None:
    """Nobody waits for it any more."""
    if not asked.cancelled():
        asked.exception()
