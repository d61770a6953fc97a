"""Rows of floats of many records → packed columns, all at once.

Nearly all training loops log such rows, often in small records: there a call of NumPy costs more than its work. So the
rows of many blocks are put end to end, checked and turned into columns by one operation each, and every block gets its
slice.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mldash.events.column_types import ColumnType
from mldash.events.encoding import RawRows
from mldash.events.messagepack import FLOAT_BYTES, array_head, read_array_head
from mldash.events.schema import Column

from .lines import PackedHere
from .uniform_rows import MOST_FIELDS, are_finite, float_columns

_FLOAT: ColumnType = "float64"
_FLOATS = (_FLOAT,) * MOST_FIELDS


class _Body(NamedTuple):
    """The rows and times of a block, without the heads of their arrays."""

    at: int  # of the block
    size: int
    rows: memoryview
    times: memoryview


def packed(blocks: Sequence[RawRows]) -> list[PackedHere | None]:
    """Each block in columns; None where it holds anything but rows of floats with finite times."""
    found: list[PackedHere | None] = [None] * len(blocks)
    alike = defaultdict[int, list[_Body]](list)
    for at, block in enumerate(blocks):
        if (body := _body(at, block)) is not None:
            alike[len(block.fields)].append(body)
    for field_count, bodies in alike.items():
        if _pack(bodies, field_count, blocks, found) or len(bodies) == 1:
            continue
        for body in bodies:  # one of them is not what it looks like
            _pack([body], field_count, blocks, found)
    return found


def _body(at: int, block: RawRows) -> _Body | None:
    """None where the lengths alone rule out floats."""
    field_count = len(block.fields)
    rows, times = memoryview(block.rows), memoryview(block.times)
    rows_head, times_head = read_array_head(rows), read_array_head(times)
    if rows_head is None or times_head is None or not 0 < field_count <= MOST_FIELDS:
        return None
    count, begin = rows_head
    width = len(array_head(field_count)) + field_count * FLOAT_BYTES
    if not count or times_head[0] != count or len(rows) - begin != count * width:
        return None
    if len(times) - times_head[1] != count * FLOAT_BYTES:
        return None
    return _Body(at, count, rows[begin:], times[times_head[1] :])


def _pack(bodies: Sequence[_Body], field_count: int, blocks: Sequence[RawRows], found: list[PackedHere | None]) -> bool:
    """Into `found`; False where one of them holds anything else."""
    total = sum(body.size for body in bodies)
    rows = bodies[0].rows if len(bodies) == 1 else b"".join([body.rows for body in bodies])
    encoded_times = bodies[0].times if len(bodies) == 1 else b"".join([body.times for body in bodies])
    row_head = array_head(field_count)
    width = len(row_head) + field_count * FLOAT_BYTES
    if np.ndarray((total,), f"V{len(row_head)}", rows, 0, (width,)).tobytes() != row_head * total:
        return False
    values = float_columns(rows, len(row_head), width, total, field_count)
    stamps = float_columns(encoded_times, 0, FLOAT_BYTES, total, 1)
    if values is None or stamps is None or not are_finite(times := stamps.tobytes()):
        return False
    columns = [memoryview(column).cast("B") for column in values]
    types, begin = _FLOATS[:field_count], 0
    for body in bodies:
        end = begin + body.size * 8
        own = [Column("float64", column[begin:end].tobytes()) for column in columns]
        found[body.at] = PackedHere(blocks[body.at].fields, body.size, times[begin:end], own, types)
        begin = end
    return True
