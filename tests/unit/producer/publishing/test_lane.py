"""How records are cut, and where they go."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from mldash.producer.answers.shapes import TopicAddress
from mldash.producer.events.identity import experiment_id, stream_key
from mldash.producer.events.schema import Column, Columns, End, Record, Rows, RunEvents
from mldash.producer.events.topics import partition_of
from mldash.producer.publishing.lane import Routes, halve
from tests.unit.producer.journal.journals import events_of


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
    assert route == ("mldash.metrics", partition_of(key, 5), key)
