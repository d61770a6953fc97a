"""A client of Kafka whose task has ended inside is made anew: the worker goes on, and stores each event once.

aiokafka's tasks end by errors that it does not expect, as uvloop's RuntimeError of a write to a connection that was
just closed. Such an error is thrown here once, where each task would meet it.
"""

from collections.abc import Callable
from typing import Any

import pytest
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.sender import Sender

from mldash.connections.errors import TopicSilent
from mldash.connections.following import Follower
from tests.world import World

from .emitting import emitting, eventually, points, stored, until_stored, working

ONE = b"1" * 16

pytestmark = pytest.mark.integration

Throw = Callable[[type, str], list[str]]


@pytest.fixture
def throw_once(monkeypatch: pytest.MonkeyPatch) -> Throw:
    """Lets a step of a worker's client fail, once; the list that it gives is filled then."""

    def throw(owner: type, step: str) -> list[str]:
        through = getattr(owner, step)
        thrown: list[str] = []

        def fail_once(self: Any, *arguments: Any) -> Any:
            client = getattr(self, "_client", None) or self.client
            is_of_a_test = owner is Sender and not client._client_id.startswith("mldash-worker")
            if not thrown and not is_of_a_test:
                thrown.append(step)
                raise RuntimeError("unable to perform operation on a closed transport")
            return through(self, *arguments)

        monkeypatch.setattr(owner, step, fail_once)
        return thrown

    return throw


@pytest.mark.parametrize(
    ("owner", "step"),
    [(Fetcher, "_get_actions_per_node"), (GroupCoordinator, "_do_heartbeat"), (Sender, "_maybe_wait_for_pid")],
    ids=["fetching", "heartbeats", "sending"],
)
async def test_a_client_that_has_ended_inside_is_made_anew_and_all_is_stored_once(
    world: World, throw_once: Throw, owner: type, step: str
) -> None:
    async with emitting(world) as emitter, working(world.worker(retry_s=0.2)) as worker:
        await emitter.send(ONE, 0, points(ONE, 0, 10))
        await until_stored(world, 10)
        before = worker._kafka.consumer, worker._kafka.outbox._producer
        thrown = throw_once(owner, step)
        for seq in range(10, 20):
            await emitter.send(ONE, seq, points(ONE, seq, 1))

        async def renewed() -> bool:
            now = worker._kafka.consumer, worker._kafka.outbox._producer
            return bool(thrown) and any(old is not new for old, new in zip(before, now, strict=True))

        await eventually(renewed)
        await emitter.send(ONE, 20, points(ONE, 20, 10))
        await until_stored(world, 30)

        async def ready() -> bool:
            return await worker.health() is None

        await eventually(ready)
    assert await stored(world) == [(ONE, seq) for seq in range(30)]


async def test_who_follows_is_told_that_the_client_has_ended(world: World, throw_once: Throw) -> None:
    async with Follower(world.servers, ["metrics"], stored=False, beginning=True) as follower:
        throw_once(Fetcher, "_get_actions_per_node")
        with pytest.raises(TopicSilent, match=r"has ended .*closed transport"):
            async for _ in follower:
                pass
