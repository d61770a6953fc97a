"""A record as two, where a broker takes no batch of its size."""

from typing import Any

import msgspec

from mldash.events.column_types import value_bytes
from mldash.events.schema import Columns, Record, Rows, RunEvents


def halve(record: Record) -> tuple[Record, Record] | None:
    """The record as two; None where it is one event."""
    count = record.count
    if count < 2:
        return None
    middle = count // 2
    first, second = [], []
    at = 0
    for block in record.blocks:
        cut = min(max(middle - at, 0), block.count)
        if cut:
            first.append(_slice(block, 0, cut))
        if cut < block.count:
            second.append(_slice(block, cut, block.count))
        at += block.count
    replace = msgspec.structs.replace
    return replace(record, blocks=first), replace(record, blocks=second, first_seq=record.first_seq + middle)


def _slice(block: Any, start: int, stop: int) -> Any:
    if isinstance(block, Rows):
        return Rows(block.fields, block.times[start:stop], block.rows[start:stop])
    if isinstance(block, RunEvents):
        return RunEvents(block.events[start:stop])
    columns = []
    for column in block.columns:
        if column.type == "values":
            values = msgspec.msgpack.decode(column.data, type=list[msgspec.Raw])
            data = msgspec.msgpack.encode(values[start:stop])
        else:
            width = value_bytes(column.type, column.shape)
            data = column.data[start * width : stop * width]
        columns.append(msgspec.structs.replace(column, data=data))
    return Columns(block.fields, stop - start, block.times[start * 8 : stop * 8], columns)
