"""Blocks of the wire → events with their times, one by one; and the events of a record from a seq on."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from mldash.events.column_types import shaped, unpack_numbers
from mldash.events.schema import Block, Column, Columns, Describe, End, Rows, RunEvents, Start

Event = tuple[float, dict[str, Any]]
RunEvent = Start | Describe | End

_decode_values = msgspec.msgpack.Decoder(list[Any]).decode


def events_of(blocks: Iterable[Block], skip: int = 0) -> Iterator[Event]:
    """(time, fields) of each event of rows and columns blocks, without the first `skip` ones."""
    for block in blocks:
        if isinstance(block, RunEvents):
            continue
        if skip and skip >= (count := block.count):
            skip -= count
            continue
        if isinstance(block, Rows):
            fields, times, rows = block.fields, block.times, block.rows
            if skip:
                times, rows = times[skip:], rows[skip:]
            for time, row in zip(times, rows, strict=True):
                yield time, dict(zip(fields, row, strict=True))
        elif isinstance(block, Columns):
            yield from _events_of_columns(block, skip)
        skip = 0


def run_events_of(blocks: Iterable[Block], skip: int = 0) -> list[RunEvent]:
    """The events of a run, without the first `skip` ones; what takes no seq is left out."""
    return [event for block in blocks if isinstance(block, RunEvents) for event in block.events][skip:]


def column_values(column: Column) -> Sequence[Any]:
    """One value an event."""
    if column.type == "values":
        return _decode_values(column.data)
    flat = unpack_numbers(column.type, column.data)
    return shaped(flat, column.shape) if column.shape else flat


def _events_of_columns(block: Columns, skip: int) -> Iterator[Event]:
    times = struct.unpack(f"<{block.count}d", block.times)
    if not block.columns:
        yield from ((time, {}) for time in times[skip:])
        return
    values = zip(*(column_values(column) for column in block.columns), strict=True)
    for at, (time, row) in enumerate(zip(times, values, strict=True)):
        if at >= skip:
            yield time, dict(zip(block.fields, row, strict=True))
