"""A listener for asyncio and the thread that takes its events."""

import asyncio
import gc
import threading

import pytest

from mldash.client.asynchronous.live import AsyncLive
from mldash.client.live.asked import LiveAsked, asked_live
from mldash.client.live.events import Changed, LiveEvent
from mldash.client.live.listener import Live

WITHIN_S = 60.0


class Numbered:
    """A LiveSource: the event Changed(n) with the id "n", one each time that `more` is released."""

    def __init__(self) -> None:
        self.more = threading.Semaphore(0)
        self.taken = 0
        self.waits, self.second = threading.Event(), threading.Event()
        self.id: str | None = "0"
        self.is_closed = threading.Event()

    def next(self) -> LiveEvent | None:
        if self.taken:
            self.waits.set()
        self.more.acquire()
        if self.is_closed.is_set():
            return None
        self.taken += 1
        self.id = str(self.taken)
        if self.taken > 1:
            self.second.set()
        return Changed(change=self.taken)

    def change(self, asked: LiveAsked) -> int:
        raise NotImplementedError

    def close(self) -> None:
        self.is_closed.set()
        self.more.release()


def listener(source: Numbered) -> AsyncLive:
    return AsyncLive(Live(source, asked_live("a/b/c")))


async def test_the_id_is_behind_what_was_given_also_where_who_waited_was_cancelled() -> None:
    source = Numbered()
    async with listener(source) as live:
        assert live.id == "0"
        source.more.release()
        assert (await anext(live), live.id) == (Changed(change=1), "1")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await anext(live)
        source.more.release()
        assert await asyncio.to_thread(source.second.wait, WITHIN_S)
        assert (source.id, live.id) == ("2", "1"), "taken by the thread and not given yet"
        assert (await anext(live), live.id) == (Changed(change=2), "2")
    assert live.id == "2" and [one async for one in live] == []


async def test_one_that_is_dropped_without_a_close_keeps_no_thread_and_no_connection() -> None:
    before = set(threading.enumerate())
    source = Numbered()

    async def wait_in_vain() -> None:
        live = listener(source)
        source.more.release()
        assert await anext(live) == Changed(change=1)
        await anext(live)

    waiting = asyncio.create_task(wait_in_vain())
    assert await asyncio.to_thread(source.waits.wait, WITHIN_S)
    (thread,) = {one for one in threading.enumerate() if one.name == "mldash-live"} - before
    waiting.cancel()
    await asyncio.wait([waiting])
    del waiting  # a task keeps the error of its cancellation, and that what waited
    gc.collect()
    assert source.is_closed.is_set()
    await asyncio.to_thread(thread.join, WITHIN_S)
    assert not thread.is_alive()
