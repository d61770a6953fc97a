"""Columns of a track whose times repeat or go back → one row a time, in time order.

What merge_entries does entry by entry, done a column at a time: in one field the value with the highest index wins, and
a field that no entry of a time has stays absent there.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from mldash.ingest_workers.documents.columns import Column, pack, value_width

Rows = NDArray[np.int64]


def merge_columns(times: NDArray[np.float64], columns: list[Column]) -> tuple[bytes, list[Column]]:
    """Packed times in rising order, and the columns that go with them; not for columns that hold whole events."""
    order, time_of = np.unique(times + 0.0, return_inverse=True)  # + 0.0: the two zeros are one time
    return order.astype("<f8").tobytes(), [_merge(column, time_of, len(order)) for column in columns]


def _merge(column: Column, time_of: Rows, time_count: int) -> Column:
    times = time_of if column.present is None else time_of[_rows(column.present, len(time_of))]
    by_time = np.argsort(times, kind="stable")  # in index order within a time
    sorted_times = times[by_time]
    newest = np.flatnonzero(np.append(sorted_times[1:] != sorted_times[:-1], True))
    taken = by_time[newest]
    present = None if len(taken) == time_count else _bits(sorted_times[newest], time_count)
    if column.type == "values":
        values: Any = column.packed()
        return msgspec.structs.replace(pack(column.name, [values[at] for at in taken.tolist()]), present=present)
    data = np.frombuffer(column.data, f"V{value_width(column)}")[taken].tobytes()
    return msgspec.structs.replace(column, data=data, present=present)


def _rows(present: bytes, row_count: int) -> Rows:
    return np.flatnonzero(np.unpackbits(np.frombuffer(present, np.uint8), count=row_count, bitorder="little"))


def _bits(rows: Rows, row_count: int) -> bytes:
    there = np.zeros(row_count, np.uint8)
    there[rows] = 1
    return np.packbits(there, bitorder="little").tobytes()
