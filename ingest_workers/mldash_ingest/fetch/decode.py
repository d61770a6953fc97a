"""A Kafka record → an Arrival, or a letter that says which rule it breaks. No I/O.

A record that our producer would never send is refused here, so that all code behind this point can trust records.
"""

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from mldash.events.column_types import value_bytes
from mldash.events.encoding import RawRecord, RawRows, UndecodableRecord, decode_raw, decode_record
from mldash.events.identity import ID_BYTES, check_name, experiment_id, parse_prefix, stream_key
from mldash.events.levels import LEVELS
from mldash.events.reading import KafkaRecord
from mldash.events.schema import Block, Columns, Record, Rows, RunEvents, Signals

from . import float_rows, lines, uniform_rows
from .lines import PackedHere
from .sizes import check_sizes

_COLUMNS_FROM = 64  # rows; fewer are decoded and packed as quickly
_IN_COLUMNS = ("metrics", "tracks", "logs")
_LEVELS = frozenset(LEVELS)


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
    return decode_many([origin], kind)[0]


def decode_many(origins: Sequence[KafkaRecord], kind: str) -> list[Arrival | SetAside]:
    """Records of such a topic, in their order. Rows of numbers are decoded all at once: it is the cheapest way."""
    opened = [_opened(origin, kind) for origin in origins]
    rows = [block for one in opened if isinstance(one, RawRecord) for block in one.blocks if isinstance(block, RawRows)]
    packed = iter(_packed(rows, kind))
    found = list[Arrival | SetAside]()
    for origin, one in zip(origins, opened, strict=True):
        if isinstance(one, RawRecord):
            blocks = [(next(packed) or block) if isinstance(block, RawRows) else block for block in one.blocks]
            found.append(_arrival(origin, kind, one, blocks))
        else:
            found.append(one if isinstance(one, SetAside) else _arrival(origin, kind, one))
    return found


def _opened(origin: KafkaRecord, kind: str) -> RawRecord | Record | SetAside:
    """What becomes columns is left in MessagePack."""
    try:
        return (decode_raw if kind in _IN_COLUMNS else decode_record)(origin.value, origin.headers)
    except UndecodableRecord as error:
        return SetAside(origin, str(error))


def _packed(rows: Sequence[RawRows], kind: str) -> list[PackedHere | None]:
    """Log lines and rows of numbers as columns, which is what they are stored as; None for all others."""
    if kind == "logs":
        return [lines.packed(block) for block in rows]
    return [floats or _packed_numbers(block) for block, floats in zip(rows, float_rows.packed(rows), strict=True)]


def _packed_numbers(block: RawRows) -> PackedHere | None:
    encoded = memoryview(block.rows)
    if (count := uniform_rows.count(encoded)) < _COLUMNS_FROM:
        return None
    times = uniform_rows.floats(memoryview(block.times))
    if times is None or len(times) != count * 8 or not uniform_rows.are_finite(times):
        return None
    columns = uniform_rows.columns(encoded, len(block.fields), count)
    if columns is None:
        return None
    return PackedHere(block.fields, count, times, columns, tuple(column.type for column in columns))


def _arrival(
    origin: KafkaRecord, kind: str, opened: Record | RawRecord, blocks: Sequence[Block | RawRows] = ()
) -> Arrival | SetAside:
    """`blocks` are those of a RawRecord, in columns where they could be."""
    try:
        record = opened if isinstance(opened, Record) else _record(opened, blocks)
        experiment = _experiment_of(record.prefix)
        _check(record, kind, experiment, origin.key)
        check_sizes(record, len(origin.value or b""))
    except (UndecodableRecord, ValueError) as error:
        return SetAside(origin, str(error))
    return Arrival(record, experiment, origin)


def _record(raw: RawRecord, blocks: Sequence[Block | RawRows]) -> Record:
    """Raises UndecodableRecord."""
    return Record(
        prefix=raw.prefix,
        kind=raw.kind,
        name=raw.name,
        session=raw.session,
        first_seq=raw.first_seq,
        logged_at=raw.logged_at,
        blocks=[block.decoded() if isinstance(block, RawRows) else block for block in blocks],
    )


@lru_cache(maxsize=20_000)
def _experiment_of(prefix: str) -> bytes:
    if parse_prefix(prefix).text != prefix:
        raise ValueError(f"prefix {prefix!r} has outer slashes")
    return experiment_id(prefix)


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
        _check_finite([event.time for event in (block.events if isinstance(block, RunEvents) else block.signals)])
    elif kind == "runs":
        raise ValueError("rows or columns in the topic of runs")
    else:
        if len(set(block.fields)) != len(block.fields):
            raise ValueError("a block names a field twice")
        if isinstance(block, PackedHere):
            return
        if isinstance(block, Rows):
            _check_rows(block)
        else:
            _check_columns(block)
        if kind == "logs":
            _check_lines(block)


def _check_finite(times: Iterable[float]) -> None:
    if not all(map(math.isfinite, times)):
        raise ValueError("a time is not finite")


def _check_rows(block: Rows) -> None:
    if len(block.rows) != len(block.times):
        raise ValueError(f"{len(block.rows)} rows with {len(block.times)} times")
    if block.rows and set(map(len, block.rows)) != {len(block.fields)}:
        raise ValueError(f"a row has not one value for each of the {len(block.fields)} fields")
    _check_finite(block.times)


def _check_columns(block: Columns) -> None:
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
        elif len(column.data) != block.count * value_bytes(column.type, column.shape):
            raise ValueError(f"column {name!r} has {len(column.data)} bytes for {block.count} values")
    if not uniform_rows.are_finite(block.times):
        raise ValueError("a time is not finite")


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
    levels, messages, *metadata = zip(*block.rows, strict=True) if block.rows else ((), ())
    if not _levels_are_known(levels) or set(map(type, messages)) - {str} or set(map(type, chain(*metadata))) - {dict}:
        raise ValueError("a log line whose level, message or metadata is none")


def _levels_are_known(levels: Iterable[Any]) -> bool:
    try:
        return set(levels) <= _LEVELS
    except TypeError:  # a list or a dict cannot be a level
        return False
