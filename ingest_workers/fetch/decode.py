"""A Kafka record → an Arrival, or a letter that says which rule it breaks. No I/O.

What a producer of ours would never send is refused here, so that nothing behind this point has to doubt a record.
"""

import math
from array import array
from typing import Any, NamedTuple, Protocol

import msgspec

from mldash.producer.events.encoding import UndecodableRecord, decode_record
from mldash.producer.events.identity import ID_BYTES, check_name, experiment_id, parse_prefix, stream_key
from mldash.producer.events.levels import LEVELS
from mldash.producer.events.schema import Columns, Record, Rows, RunEvents, Signals

_WIDTHS = {"float64": 8, "float32": 4, "int64": 8, "bool": 1}


class KafkaRecord(Protocol):
    """What is used of aiokafka's ConsumerRecord."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Any


class Arrival(NamedTuple):
    """A record that keeps all rules, and where it came from."""

    record: Record
    experiment: bytes
    origin: KafkaRecord


class SetAside(NamedTuple):
    """A record that goes to the dead letters, and why."""

    origin: KafkaRecord
    reason: str


def decode(origin: KafkaRecord, kind: str) -> Arrival | SetAside:
    """The record of a topic that carries events of `kind`."""
    try:
        record = decode_record(origin.value, origin.headers)
        experiment = experiment_id(_checked_prefix(record))
        _check(record, kind, experiment, origin.key)
    except (UndecodableRecord, ValueError) as error:
        return SetAside(origin, str(error))
    return Arrival(record, experiment, origin)


def _checked_prefix(record: Record) -> str:
    if parse_prefix(record.prefix).text != record.prefix:
        raise ValueError(f"prefix {record.prefix!r} has outer slashes")
    return record.prefix


def _check(record: Record, kind: str, experiment: bytes, key: bytes | None) -> None:
    if record.kind != kind:
        raise ValueError(f"an event of kind {record.kind} in the topic of {kind}")
    if record.name is not None:
        check_name("name", record.name)
    if kind not in ("metrics", "tracks") and record.name != "":
        raise ValueError(f"{kind} have no name, but this record says {record.name!r}")
    if kind == "tracks" and record.name is None:
        raise ValueError("a track without a topic")
    if key != stream_key(experiment, kind, record.name):
        raise ValueError("the key is not that of the record's stream")
    if len(record.session) != ID_BYTES:
        raise ValueError(f"the session has {len(record.session)} bytes, not {ID_BYTES}")
    if record.first_seq < 0:
        raise ValueError(f"first seq {record.first_seq} is negative")
    for block in record.blocks:
        _check_block(block, kind)


def _check_block(block: Rows | Columns | RunEvents | Signals, kind: str) -> None:
    if isinstance(block, RunEvents | Signals):
        if kind != "runs":
            raise ValueError(f"events of a run in the topic of {kind}")
        times = [event.time for event in (block.events if isinstance(block, RunEvents) else block.signals)]
    elif kind == "runs":
        raise ValueError("rows or columns in the topic of runs")
    else:
        if len(set(block.fields)) != len(block.fields):
            raise ValueError("a block names a field twice")
        times = _check_rows(block) if isinstance(block, Rows) else _check_columns(block)
        if kind == "logs":
            _check_lines(block)
    if not all(map(math.isfinite, times)):
        raise ValueError("a time is not finite")


def _check_rows(block: Rows) -> list[float]:
    if len(block.rows) != len(block.times):
        raise ValueError(f"{len(block.rows)} rows with {len(block.times)} times")
    if block.rows and set(map(len, block.rows)) != {len(block.fields)}:
        raise ValueError(f"a row has not one value for each of the {len(block.fields)} fields")
    return block.times


def _check_columns(block: Columns) -> list[float]:
    if len(block.columns) != len(block.fields):
        raise ValueError(f"{len(block.columns)} columns for {len(block.fields)} fields")
    if len(block.times) != block.count * 8:
        raise ValueError(f"{len(block.times)} bytes of times for {block.count} events")
    for name, column in zip(block.fields, block.columns, strict=True):
        if column.type == "values":
            if _length(column.data) != block.count:
                raise ValueError(f"column {name!r} has not {block.count} values")
        elif min(column.shape, default=1) < 1:
            raise ValueError(f"column {name!r} has the shape {column.shape}")
        elif len(column.data) != block.count * _WIDTHS[column.type] * math.prod(column.shape):
            raise ValueError(f"column {name!r} has {len(column.data)} bytes for {block.count} values")
    times = array("d")
    times.frombytes(block.times)
    return times.tolist()


def _length(data: bytes) -> int:
    try:
        return len(msgspec.msgpack.decode(data, type=list[Any]))
    except msgspec.MsgspecError as error:
        raise ValueError(f"a column that is no list: {error}") from error


def _check_lines(block: Rows | Columns) -> None:
    if (
        not isinstance(block, Rows)
        or block.fields[:2] != ["level", "message"]
        or block.fields[2:] not in ([], ["metadata"])
    ):
        raise ValueError("a log line has level, message and metadata, in rows")
    for level, message, *rest in block.rows:
        if level not in LEVELS or not isinstance(message, str) or not all(isinstance(one, dict) for one in rest):
            raise ValueError(f"a log line of level {level!r:.40} that is none")
