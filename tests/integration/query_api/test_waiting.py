"""What waits in Kafka, as operators ask the API for it."""

import asyncio
import itertools
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from msgspec import Struct

from mldash.connections.topic_reading import reading
from mldash.events.letter import Place, letter_headers, mark_headers
from mldash.events.topics import dead_letter_topic, event_topic
from mldash_api.errors import ServerAway
from mldash_api.pipeline import letters as letters_file
from mldash_api.pipeline import waiting as waiting_file
from mldash_api.pipeline.letters import Letters
from mldash_api.pipeline.waiting import Waiting, WaitingAnswer
from mldash_ingest.kafka import make_producer
from tests.components import free_port
from tests.integration.ingest_workers.emitting import eventually
from tests.world import PARTITIONS, World

from .conftest import Client, Running

pytestmark = pytest.mark.integration

PATH = "/v1/status/waiting"
HOSTILE = "<img src=x>\u202e\x1b[2J"


class Origin(Struct):
    """As much of a record as a letter says of it."""

    topic: str
    offset: int
    key: bytes | None = b"key"
    value: bytes | None = b"not decodable"
    partition: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


async def asked(client: Client) -> Any:
    """What waits, once Kafka has told it: the machine may be busy."""
    client.http.timeout = httpx.Timeout(120)

    async def told() -> Any:
        answer = await client.raw(PATH)
        return answer.json() if answer.status_code == 200 else None

    return await eventually(told)


async def send(world: World, topic: str, sent: Sequence[tuple[bytes | None, list[tuple[str, bytes]]]]) -> None:
    """Values and headers, to partition 0."""
    producer = make_producer(world.servers, "test")
    await producer.start()
    try:
        for value, headers in sent:
            await producer.send_and_wait(topic, value, key=b"key", partition=0, headers=headers)
    finally:
        await producer.stop()


async def set_aside(world: World, reasons: Sequence[str]) -> None:
    topic = event_topic(world.name, "metrics")
    letters = [
        (b"not decodable", letter_headers(Origin(topic, at), reason, 1_000.0 + at)) for at, reason in enumerate(reasons)
    ]
    await send(world, dead_letter_topic(world.name), letters)


async def test_lag_and_dead_letters_are_told_to_operators(whole_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker runs here. A letter that was replayed waits no more."""
    monkeypatch.setattr(waiting_file, "KEPT_S", 0.0)
    metrics = event_topic(whole_world.name, "metrics")
    await send(whole_world, metrics, [(b"x", [])] * 3)
    async with Running(whole_world.api()) as client:
        told = await asked(client)
        by_name = {(one["topic"], one["partition"]): one for one in told["partitions"]}
        assert len(by_name) == sum(PARTITIONS.values())
        first = {"topic": metrics, "partition": 0, "committed": 0, "end": 3, "waiting": 3}
        assert by_name.pop((metrics, 0)) == first
        assert {one["waiting"] for one in by_name.values()} == {0}
        assert told["letters"] == {"count": 0, "isAll": True, "reasons": [], "newest": []}
        await set_aside(whole_world, ["a gap", HOSTILE, "a gap"])
        told = (await asked(client))["letters"]
        assert (told["count"], told["isAll"]) == (3, True)
        assert [(one["reason"], one["count"], one["newest"]) for one in told["reasons"]] == [
            ("a gap", 2, 1_002.0),
            (HOSTILE, 1, 1_001.0),
        ]
        assert told["newest"][0] == {
            "place": "0/2",
            "time": 1_002.0,
            "reason": "a gap",
            "topic": metrics,
            "partition": 0,
            "offset": 2,
            "experiment": None,
            "kind": None,
            "bytes": len(b"not decodable"),
        }
        await send(whole_world, dead_letter_topic(whole_world.name), [(None, mark_headers(Place(0, 2), 2_000.0))])
        told = (await asked(client))["letters"]
        assert [one["place"] for one in told["newest"]] == ["0/1", "0/0"]


async def test_kafka_is_asked_once_in_a_while_for_all_callers(
    whole_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_file, "KEPT_S", 0.0)
    async with Running(whole_world.api()) as client:
        await asked(client)  # that it does not answer yet is not kept
        monkeypatch.setattr(waiting_file, "KEPT_S", 3_600.0)
        told = await asked(client)
        await send(whole_world, event_topic(whole_world.name, "metrics"), [(b"x", [])])
        assert await asked(client) == told


async def test_a_look_reads_so_much_and_the_next_goes_on(whole_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many that wait the oldest are forgotten, which is said."""
    await set_aside(whole_world, [str(number) for number in range(5)])
    letters = Letters(whole_world.name)
    async with reading(whole_world.servers) as consumer:
        for count in range(1, 5):
            await letters.look(consumer, most_bytes=1)
            assert (letters.answer()["count"], letters.answer()["isAll"]) == (count, False)
        await letters.look(consumer)
        assert (letters.answer()["count"], letters.answer()["isAll"]) == (5, True)
        monkeypatch.setattr(letters_file, "MOST_KEPT", 5)
        await set_aside(whole_world, ["newer"])
        await letters.look(consumer)
    told = letters.answer()
    assert (told["count"], told["isAll"]) == (6, True)
    assert [one["reason"] for one in told["newest"]] == ["4", "3", "2", "1", "newer"]


async def test_once_all_letters_are_replayed_nothing_waits_however_many_they_were(
    whole_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond what is counted at all, only that there are more is known."""
    monkeypatch.setattr(letters_file, "MOST_KEPT", 2)
    await set_aside(whole_world, ["0", "1", "2"])
    letters, few = Letters(whole_world.name), Letters(whole_world.name)
    marks = [(None, mark_headers(Place(0, offset), 2_000.0)) for offset in range(3)]
    async with reading(whole_world.servers) as consumer:
        await letters.look(consumer)
        assert (letters.answer()["count"], letters.answer()["isAll"]) == (3, True)
        await send(whole_world, dead_letter_topic(whole_world.name), marks)
        await letters.look(consumer)
        assert (letters.answer()["count"], letters.answer()["isAll"]) == (0, True)
        monkeypatch.setattr(letters_file, "MOST_FORGOTTEN", 0)
        await few.look(consumer)
    assert (few.answer()["count"], few.answer()["isAll"]) == (0, False)


async def test_headers_and_marks_are_of_the_bytes_of_a_look(whole_world: World) -> None:
    marks = [(None, mark_headers(Place(0, offset), 2_000.0)) for offset in range(3)]
    await send(whole_world, dead_letter_topic(whole_world.name), marks)
    letters = Letters(whole_world.name)
    async with reading(whole_world.servers) as consumer:
        for _ in range(2):
            await letters.look(consumer, most_bytes=1)
            assert not letters.answer()["isAll"]
        await letters.look(consumer, most_bytes=1)
    assert letters.answer()["isAll"]


async def test_a_kafka_that_hangs_is_asked_once_for_all_who_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets an error of its own."""
    monkeypatch.setattr(waiting_file, "KEPT_S", 3_600.0)
    times, hangs = itertools.count(), asyncio.Event()

    async def ask(_: Waiting) -> WaitingAnswer:
        next(times)
        await hangs.wait()
        raise ServerAway("Kafka", "it hangs")

    monkeypatch.setattr(Waiting, "_ask", ask)
    waiting = Waiting(world.api())
    callers = [asyncio.create_task(waiting.answer()) for _ in range(5)]
    await asyncio.sleep(0)
    hangs.set()
    told = await asyncio.gather(*callers, return_exceptions=True)
    assert [(type(one), str(one)) for one in told] == [(ServerAway, "it hangs")] * 5
    assert len({id(one) for one in told}) == 5
    assert next(times) == 1


async def test_where_kafka_is_away_that_is_said(world: World) -> None:
    address = f"127.0.0.1:{free_port()}"
    async with Running(world.api(kafka=address)) as client:
        client.http.timeout = httpx.Timeout(120)
        problem = await client.problem(PATH, 503)
    assert problem["type"] == "server-away"
    assert address in problem["detail"]
