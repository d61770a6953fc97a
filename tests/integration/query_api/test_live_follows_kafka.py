"""With Kafka, topics and a worker: what a worker announces is told at once; where that fails, the clock tells it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from mldash_api.live import news
from tests.integration.ingest_workers.emitting import Emitter, emitting, eventually, points, working
from tests.stack import StackAddresses
from tests.world import World, prepared

from .conftest import Running
from .listening import Ear, indices_of, listening
from .writing import PREFIX

pytestmark = pytest.mark.integration

SESSION = b"s" * 16


@pytest.fixture
async def world(stack: StackAddresses) -> AsyncIterator[World]:
    """With topics."""
    async with prepared(stack) as made:
        yield made


async def until_told(ear: Ear, count: int) -> None:
    while len(indices_of(ear.heard)) < count:
        await ear.until("points")


async def test_what_is_announced_is_told_without_waiting_for_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks by the clock come once in a minute here, so nothing but statements brings the events."""
    monkeypatch.setattr(news, "_SILENT_S", 60.0)
    running = Running(world.api(stop_timeout_s=2.0))
    async with running, working(world.worker()), emitting(world) as emitter:
        async with listening(running.api.port, prefix=PREFIX, kind="points") as ear:
            await ear.until("up-to-date")
            assert running.api.live is not None
            followed = running.api.live.hub.news

            async def follows() -> bool:
                return followed.is_following

            await eventually(follows)
            await _send(emitter, 30)
            await until_told(ear, 300)
            assert indices_of(ear.heard) == [*range(300)]
        monkeypatch.setattr(news, "_LINGER_S", 0.0)

        async def stopped() -> bool:
            return not followed.is_following

        await eventually(stopped)


async def test_a_client_of_kafka_that_has_ended_inside_is_made_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile the clock brings what is new."""
    running = Running(world.api(stop_timeout_s=2.0))
    async with (
        running,
        working(world.worker()),
        emitting(world) as emitter,
        listening(running.api.port, prefix=PREFIX, kind="points") as ear,
    ):
        await ear.until("up-to-date")
        assert running.api.live is not None
        followed = running.api.live.hub.news
        ended = asyncio.Event()

        def why_ended(_: object) -> str | None:
            if ended.is_set():
                return None
            ended.set()
            return "a task of its own has returned"

        monkeypatch.setattr(news, "why_consumer_ended", why_ended)
        await asyncio.wait_for(ended.wait(), 20)
        await _send(emitter, 3)
        await until_told(ear, 30)

        async def follows() -> bool:
            return followed.is_following

        await eventually(follows)


async def _send(emitter: Emitter, records: int) -> None:
    for at in range(records):
        await emitter.send(SESSION, at * 10, points(SESSION, at * 10, 10))
