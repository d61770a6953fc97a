"""GET /v1/connect while Kafka takes connections and answers nothing: topics are known, or asked for once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mldash.connections.servers import KafkaServer
from mldash_api import kafka
from mldash_api.errors import ServerAway
from mldash_api.kafka import Topics
from mldash_deploy.prepare import prepare
from tests.world import PARTITIONS, World

pytestmark = pytest.mark.integration


class Silent:
    """An address that takes connections and says nothing."""

    def __init__(self) -> None:
        self.address = ""
        self.asked = asyncio.Event()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        self.asked.set()
        await reader.read()
        writer.close()


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    made = Silent()
    server = await asyncio.start_server(made.take, "127.0.0.1", 0)
    made.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield made
    server.close()


def count_attempts(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    attempts: list[int] = []
    ask = topics._ask

    async def counted() -> Any:
        attempts.append(len(attempts))
        return await ask()

    monkeypatch.setattr(topics, "_ask", counted)
    return attempts


async def test_where_nothing_is_known_all_callers_share_one_attempt(
    silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of them goes away, and ends nothing for the others."""
    monkeypatch.setattr(kafka, "KAFKA_TIMEOUT_S", 1.0)
    topics = Topics(KafkaServer(kafka=silent.address, topic_prefix="t"))
    attempts = count_attempts(topics, monkeypatch)
    calls = [asyncio.create_task(topics.addresses()) for _ in range(10)]
    await asyncio.sleep(0)
    calls[0].cancel()
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, ServerAway) for answer in answers[1:])
    assert len(attempts) == 1
    with pytest.raises(ServerAway):
        await topics.addresses()
    assert len(attempts) == 2, "the next caller has an attempt of its own"
    await topics.close()


async def test_what_is_known_is_answered_at_once_while_kafka_hangs(
    world: World, silent: Silent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was asked for long ago: one attempt begins behind the answers, and hangs."""
    await prepare(world.servers, PARTITIONS)
    topics = Topics(world.servers)
    known = await topics.addresses()
    assert {kind: one.partitions for kind, one in known.items()} == PARTITIONS
    topics._server = KafkaServer(kafka=silent.address, topic_prefix="t")
    topics._asked_at -= 1_000.0
    attempts = count_attempts(topics, monkeypatch)
    for _ in range(10):
        assert await topics.addresses() == known
        await asyncio.sleep(0)
        assert topics._asking is not None and not topics._asking.done(), "it was not waited for"
    assert len(attempts) == 1
    # aiokafka closes a connection whose first answer is cut off; one that is just being opened it may forget.
    async with asyncio.timeout(90):
        await silent.asked.wait()
    await topics.close()
