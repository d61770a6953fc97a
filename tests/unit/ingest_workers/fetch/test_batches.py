"""A batch is what is there when it is asked for; while the caller is busy the next one grows, up to its bounds."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from mldash.events.encoding import encode_record, headers
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Record, Rows
from mldash_ingest.fetch.batches import Batch, Batches

TOPIC = TopicPartition("metrics", 0)
KEY = stream_key(experiment_id("o/p/n"), "metrics", "loss")


def record(seq: int) -> Any:
    block = Rows(["a"], [1.0], [[seq]])
    made = Record(
        prefix="o/p/n", kind="metrics", name="loss", session=b"x" * 16, first_seq=seq, logged_at=1.0, blocks=[block]
    )
    origin = {"topic": TOPIC.topic, "partition": 0, "offset": seq, "timestamp": seq, "key": KEY, "headers": headers()}
    return SimpleNamespace(**origin, value=encode_record(made))


class Polls:
    """In place of a consumer: each poll gives, or raises, what is next in line; then nothing for ever."""

    def __init__(self, *found: Sequence[int] | Exception) -> None:
        self._found = [*found]
        self.done = asyncio.Event()

    async def getmany(self, *, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        await asyncio.sleep(0)
        if not self._found:
            self.done.set()
            await asyncio.sleep(timeout_ms / 1_000)
            return {}
        found = self._found.pop(0)
        if isinstance(found, Exception):
            raise found
        return {TOPIC: [record(seq) for seq in found]}

    def assignment(self) -> set[TopicPartition]:
        return {TOPIC}

    def pause(self, *partitions: TopicPartition) -> None:
        pass

    def resume(self, *partitions: TopicPartition) -> None:
        pass


def batches(polls: Polls, batch_records: int = 100) -> Batches:
    return Batches(polls, {"metrics": "metrics"}, batch_records=batch_records, batch_bytes=1 << 20)  # type: ignore[arg-type]


def seqs(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [arrival.record.first_seq for arrival in batch.arrivals]


async def until_one_is_ahead(reading: Batches) -> None:
    assert reading._ahead is not None
    await asyncio.wait([reading._ahead], timeout=10)


async def test_who_waits_is_given_what_the_first_poll_brings() -> None:
    reading = batches(Polls([0, 1], [2]))
    assert seqs(await reading.next()) == [0, 1]
    await reading.stop()


async def test_while_the_caller_is_busy_the_next_batch_grows() -> None:
    polls = Polls([0], [1, 2], [3], [4])
    reading = batches(polls)
    assert seqs(await reading.next()) == [0]
    await polls.done.wait()
    batch = await reading.next()
    assert seqs(batch) == [1, 2, 3, 4]
    assert batch is not None
    assert batch.offsets == {TOPIC: 5}
    assert batch.oldest_ms == {TOPIC: 1}
    await reading.stop()


async def test_a_batch_never_outgrows_its_bounds() -> None:
    polls = Polls([0], [1, 2, 3], [4, 5, 6, 7], [8])
    reading = batches(polls, batch_records=5)
    found = []
    while len(found) < 3:
        found.append(seqs(await reading.next()))
        await until_one_is_ahead(reading)
    assert found == [[0], [1, 2, 3, 4, 5], [6, 7, 8]]
    await reading.stop()


async def test_a_failure_while_a_batch_grows_loses_nothing_of_it_and_is_told() -> None:
    """Kafka's client stands behind what it has given: who drops it would go on with a gap."""
    polls = Polls([0], [1, 2], KafkaError("the broker went away"), [3])
    reading = batches(polls)
    assert seqs(await reading.next()) == [0]
    await until_one_is_ahead(reading)
    assert seqs(await reading.next()) == [1, 2]
    with pytest.raises(KafkaError, match="went away"):
        await reading.next()
    assert seqs(await reading.next()) == [3]
    await reading.stop()
