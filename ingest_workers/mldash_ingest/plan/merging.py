"""Columns of a track whose times repeat or go back → one row a time, in time order.

The outcome is that of merge_entries, computed a column at a time: in one field the value with the highest index wins. A
field stays absent at a time at which every entry lacks it.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mldash_ingest.documents.columns import Column, pack, value_width

Rows = NDArray[np.intp]
Flags = NDArray[np.bool_]


def merge_columns(times: NDArray[np.float64], columns: Sequence[Column]) -> tuple[bytes, list[Column]]:
    """Packed times in rising order, and the columns that go with them; not for columns that hold whole events.

    Columns of one block are present in the same rows: which of these are left is found once for all of them.
    """
    stamps = times + 0.0  # the two zeros are one time
    by_time = stamps.argsort(kind="stable")
    in_order = stamps[by_time]
    is_first = np.empty(len(stamps), np.bool_)
    is_first[0] = True
    np.not_equal(in_order[1:], in_order[:-1], out=is_first[1:])
    time_of = np.empty(len(stamps), np.intp)
    time_of[by_time] = is_first.cumsum() - 1
    merged, time_count = list[Column](), int(time_of[by_time[-1]]) + 1
    for present, group in groupby(columns, key=lambda column: column.present):
        there = time_of if present is None else time_of[_flags(present, len(stamps))]
        taken, bits = _newest(there, time_count)
        merged += [_take(column, taken, bits) for column in group]
    return in_order[is_first].astype("<f8").tobytes(), merged


def _newest(times: Rows, time_count: int) -> tuple[Rows | None, bytes | None]:
    """Which values stay, the last of each time (None: all, in their order), and at which times there are any."""
    taken: Rows | None = None
    if not _rises(times):
        by_time = times.argsort(kind="stable")  # in index order within a time
        in_order = times[by_time]
        is_last = np.empty(len(times), np.bool_)
        is_last[-1] = True
        np.not_equal(in_order[1:], in_order[:-1], out=is_last[:-1])
        taken, times = by_time[is_last], in_order[is_last]
    if len(times) == time_count:
        return taken, None
    there = np.zeros(time_count, np.bool_)
    there[times] = True
    return taken, np.packbits(there, bitorder="little").tobytes()


def _rises(times: Rows) -> bool:
    return b"\0" not in (times[1:] > times[:-1]).tobytes()


def _take(column: Column, taken: Rows | None, present: bytes | None) -> Column:
    if taken is None:
        return column if column.present == present else msgspec.structs.replace(column, present=present)
    if column.type == "values":
        values: Any = column.packed()
        return msgspec.structs.replace(pack(column.name, [values[at] for at in taken.tolist()]), present=present)
    data = np.frombuffer(column.data, f"V{value_width(column)}")[taken].tobytes()
    return msgspec.structs.replace(column, data=data, present=present)


def _flags(present: bytes, row_count: int) -> Flags:
    return np.unpackbits(np.frombuffer(present, np.uint8), count=row_count, bitorder="little").view(np.bool_)
