"""The end of a Kafka client must not be the end of its worker."""

import asyncio

import pytest

from mldash.connections import topic_reading
from mldash.connections.topic_reading import stop_quietly


class _Client:
    """One whose stop() ends in a way of its own."""

    def __init__(self, error: BaseException | None = None, hangs: bool = False) -> None:
        self._error, self._hangs = error, hangs
        self.ended = asyncio.Event()
        self.client, self.is_closed = self, False

    async def close(self) -> None:
        """As of its connections."""
        self.is_closed = True

    async def stop(self) -> None:
        try:
            if self._hangs:
                await asyncio.Event().wait()
            if self._error is not None:
                raise self._error
        finally:
            self.ended.set()


@pytest.mark.parametrize("error", [asyncio.CancelledError(), OSError("gone"), None])
async def test_whatever_a_client_raises_when_it_stops_its_worker_goes_on(error: BaseException | None) -> None:
    """aiokafka's fetcher raises the CancelledError of a task that it has cancelled itself."""
    client = _Client(error)
    await stop_quietly(client)
    assert client.ended.is_set()
    # Whatever stop() raises, it raises before it comes to the connections.
    assert client.is_closed == (error is not None)


async def test_a_client_that_does_not_stop_is_left_after_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_reading, "_STOP_TIMEOUT_S", 0.01)
    client = _Client(hangs=True)
    async with asyncio.timeout(5):
        await stop_quietly(client)
        await client.ended.wait()
    assert client.is_closed


async def test_who_is_cancelled_while_a_client_stops_is_cancelled() -> None:
    stopping = asyncio.create_task(stop_quietly(_Client(hangs=True)))
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
