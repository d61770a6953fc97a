"""How records are cut, and where they go."""

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mldash.delivery.lane import Lane
from mldash.delivery.producer import Route, Routes
from mldash.delivery.refusals import Refusals
from mldash.delivery.window import halve
from mldash.events.encoding import decode_record
from mldash.events.identity import experiment_id, stream_key
from mldash.events.schema import Column, Columns, End, Record, Rows, RunEvents
from mldash.events.topics import TopicAddress, partition_of
from mldash.journal.reading.scan import LiveSource
from tests.unit.producer.journal.journals import events_of, new_journal


def record_of(*blocks: Any) -> Record:
    return Record(
        prefix="a/b", kind="metrics", name="train", session=bytes(16), first_seq=10, logged_at=1.0, blocks=[*blocks]
    )


def rows(first: int, count: int) -> Rows:
    return Rows(["i"], [float(i) for i in range(first, first + count)], [[i] for i in range(first, first + count)])


def columns(first: int, count: int) -> Columns:
    values = range(first, first + count)
    times = b"".join(msgspec.msgpack.encode(float(i))[:0:-1] for i in values)
    packed = b"".join(i.to_bytes(8, "little") for i in values)
    texts = msgspec.msgpack.encode([*map(str, values)])
    return Columns(["i", "v"], count, times, [Column("int64", packed), Column("values", texts)])


@given(sizes=some.lists(some.tuples(some.booleans(), some.integers(1, 9)), min_size=1, max_size=6))
def test_halves_are_the_whole_with_seqs_that_follow(sizes: list[tuple[bool, int]]) -> None:
    at, blocks = 0, []
    for as_rows, count in sizes:
        blocks.append(rows(at, count) if as_rows else columns(at, count))
        at += count
    record = record_of(*blocks)
    halves = halve(record)
    if record.count == 1:
        assert halves is None
        return
    assert halves is not None
    first, second = halves
    assert first.count + second.count == record.count
    assert abs(first.count - second.count) <= 1
    assert second.first_seq == record.first_seq + first.count
    assert events_of(first) + events_of(second) == events_of(record)


def test_run_events_are_halved_too() -> None:
    events = [End(float(i), "COMPLETED") for i in range(5)]
    halves = halve(record_of(RunEvents([*events])))
    assert halves is not None
    assert [one.blocks[0].events for one in halves] == [events[:2], events[2:]]  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["train", None, ""])
def test_a_stream_has_one_partition_by_the_sessions_own_count(name: str | None) -> None:
    route = Routes("owner/project/run", {"metrics": TopicAddress("mldash.metrics", 5)}).of("metrics", name)
    key = stream_key(experiment_id("owner/project/run"), "metrics", name)
    assert route == ("mldash.metrics", partition_of(key, 5), key, 5)


class Answers:
    """Takes records as a producer does; the test says when each is acknowledged."""

    def __init__(self) -> None:
        self.sent: list[tuple[Record, asyncio.Future[Any]]] = []

    async def send(self, route: Route, value: bytes, headers: Any, done: Any) -> "asyncio.Future[Any]":
        future = asyncio.get_running_loop().create_future()
        future.add_done_callback(done)
        self.sent.append((decode_record(value, headers), future))
        return future

    async def acknowledge(self, number: int) -> None:
        self.sent[number][1].set_result(SimpleNamespace(partition=0, offset=number))
        await asyncio.sleep(0)  # the callback's turn


async def test_the_checkpoint_is_the_end_of_the_acknowledged_prefix(tmp_path: Path) -> None:
    """A later round is acknowledged first; the process dies; the next producer must send the earlier one again."""
    journal = new_journal(tmp_path)
    train = journal.stream("metrics", "train")
    train.append(0.0, {"i": 0})
    assert journal.folder is not None
    journal.folder.fix_topics({"metrics": TopicAddress("mldash.metrics", 1)}, "application/msgpack")
    lane, kafka = Lane(LiveSource(journal), journal.folder, Refusals(len), wake=lambda: None), Answers()
    begin = lane.checkpoint.place
    for number in (1, 2):
        assert await lane.send_round(kafka)  # type: ignore[arg-type]
        train.append(float(number), {"i": number})
    assert [record.first_seq for record, _ in kafka.sent] == [0, 1]
    await kafka.acknowledge(1)
    assert lane.settle() == begin
    lane.begin("application/msgpack", 1)
    again = Answers()
    while await lane.send_round(again):  # type: ignore[arg-type]
        pass
    assert [(record.first_seq, record.count) for record, _ in again.sent] == [(0, 3)]
    await again.acknowledge(0)
    assert lane.settle() == lane.read_up_to > begin
    lane.close()
