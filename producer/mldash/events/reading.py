"""A Kafka message for consumers: its record, and the events in it one by one."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from .column_types import shaped, unpack_numbers
from .encoding import decode_record
from .schema import Column, Columns, Record, Rows, RunEvents


class KafkaRecord(Protocol):
    """What is used of aiokafka's ConsumerRecord."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Any


class Event(NamedTuple):
    """One event of a record.

    `seq` counts the session's events of the stream: (session, kind, name, seq) names the event for ever. `time` is
    seconds since the epoch: of logging, of a track the entry's timestamp. `data` are its fields: of a metric's point
    what was logged, of a track's entry flat dotted fields, of params one call's flat keys, of a log line level,
    message and perhaps metadata, of a run `type` (start, describe, end) and what was said.
    """

    seq: int
    time: float
    data: dict[str, Any]


def decode(message: Any) -> Record:
    """The record in a message of any Kafka client: aiokafka and kafka-python (`value` and `headers` are attributes),
    confluent-kafka (they are methods).

    Raises UndecodableRecord where it is none, or of a newer major version: set it aside, never guess. Dead letters and
    `mldash.stored` are not records.
    """
    value, headers = message.value, message.headers
    if callable(value):
        value, headers = value(), headers()
    return decode_record(value, _pairs(headers))


def events_of(record: Record) -> Iterator[Event]:
    """The events of a record, in order; heartbeats and claims are none."""
    seq = record.first_seq
    for block in record.blocks:
        if isinstance(block, Rows):
            rows: Iterable[tuple[float, dict[str, Any]]] = (
                (time, dict(zip(block.fields, row, strict=True)))
                for time, row in zip(block.times, block.rows, strict=True)
            )
        elif isinstance(block, Columns):
            rows = _rows_of_columns(block)
        elif isinstance(block, RunEvents):
            rows = ((event.time, msgspec.to_builtins(event, builtin_types=(bytes,))) for event in block.events)
        else:
            continue
        for time, data in rows:
            yield Event(seq, time, data)
            seq += 1


def _rows_of_columns(block: Columns) -> Iterator[tuple[float, dict[str, Any]]]:
    times = array("d")
    times.frombytes(block.times)
    if not block.columns:
        yield from ((time, {}) for time in times)
        return
    columns = [_values(column) for column in block.columns]
    for time, row in zip(times, zip(*columns, strict=True), strict=True):
        yield time, dict(zip(block.fields, row, strict=True))


def _values(column: Column) -> Sequence[Any]:
    if column.type == "values":
        return msgspec.msgpack.decode(column.data, type=list[Any])
    return shaped(unpack_numbers(column.type, column.data), column.shape)


def _pairs(headers: Any) -> Iterable[tuple[str, bytes]]:
    if headers is None:
        return ()
    return headers.items() if isinstance(headers, dict) else headers
