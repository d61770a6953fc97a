"""How far partitions are read and stored: a reader that is behind goes on at what is stored."""

from typing import Any

from aiokafka import TopicPartition
from msgspec import Struct

from mldash.events.stored import StoredUpTo, encode_stored
from mldash_api.live.pending.offsets import Offsets

ONE, OTHER = TopicPartition("mldash.metrics", 0), TopicPartition("mldash.metrics", 1)


class Message(Struct):
    """A record of `mldash.stored`."""

    value: bytes | None
    topic: str = "mldash.stored"
    partition: int = 0
    offset: int = 0
    timestamp: int = 0
    key: bytes | None = None
    headers: Any = ()


def statement(offset: int, partition: int = 0, incarnation: str = "") -> Message:
    said = StoredUpTo(topic="mldash.metrics", partition=partition, offset=offset, time=1.0, incarnation=incarnation)
    return Message(encode_stored(said))


def test_reading_begins_at_what_is_stored_or_at_the_first_that_is_there() -> None:
    offsets = Offsets({})
    offsets.take_statement(statement(50))
    offsets.take_statement(statement(40))
    assert offsets.take_statement(Message(None)) is None
    assert offsets.begin({ONE: 20, OTHER: 30}) == {ONE: 50, OTHER: 30}
    assert offsets.skip() == {}


def test_who_reads_slower_than_is_stored_goes_on_at_what_is_stored_once() -> None:
    offsets = Offsets({})
    offsets.begin({ONE: 0, OTHER: 0})
    offsets.has_read(ONE, 200)
    offsets.take_statement(statement(200))
    assert offsets.skip() == {}
    offsets.take_statement(statement(9_000))
    assert offsets.skip() == {ONE: 9_000} and offsets.skip() == {}
    offsets.has_read(ONE, 9_010)
    offsets.take_statement(statement(9_005))
    offsets.take_statement(statement(7, partition=1))  # nothing of it was read: it was held back
    assert offsets.skip() == {OTHER: 7}


def test_who_asks_for_something_new_is_read_from_what_is_stored_on() -> None:
    offsets = Offsets({})
    offsets.begin({ONE: 0})
    offsets.has_read(ONE, 100)
    offsets.take_statement(statement(60))
    assert offsets.skip() == {}
    assert offsets.go_back() == {ONE: 60} and offsets.skip() == {}


def test_what_is_said_of_another_topic_of_the_name_counts_for_nothing() -> None:
    offsets = Offsets({"mldash.metrics": "now"})
    said = offsets.take_statement(statement(500, incarnation="before"))
    assert said is not None and offsets.is_of_another(said)
    assert offsets.begin({ONE: 3}) == {ONE: 3}
