"""A packed column's part in the statistics of its field: exactly the result of FieldStatistics.add on its values.

The sum is sequential here too (NumPy's accumulate adds one value after the other, its sum does not), so that both ways
give the same.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mldash.events.column_types import DTYPES, MAX_INT, MIN_INT, NUMBERS
from mldash.events.field_statistics import FieldStatistics, Number, is_number

from .columns import Column

Counted = tuple[FieldStatistics, Column]
"""A field, and the column of its further values."""

_FROM: Final = 48  # values; for fewer the plain way is the shorter


def numbers_in(column: Column) -> bool:
    """Whether any value of the column is a number that has a part in statistics."""
    if column.type in NUMBERS:
        return not column.shape and bool(column.data)
    return column.type == "values" and any(is_number(value) for value in column.packed())


def add_columns(pairs: Iterable[Counted]) -> None:
    """Carry the statistics of several fields over a column each; columns of floats of one length are taken at once."""
    together = defaultdict[int, list[Counted]](list)
    for one, column in pairs:
        if column.type == "float64":
            together[len(column.data)].append((one, column))
        else:
            add_column(one, column)
    for size, group in together.items():
        if size * len(group) >= _FROM * 8:
            _add_floats(group)
        else:
            for one, column in group:
                add_column(one, column)


def _add_floats(group: list[Counted]) -> None:
    values = np.frombuffer(b"".join([column.data for _, column in group]), "<f8").reshape(len(group), -1)
    terms = np.empty((len(group), values.shape[1] + 1))
    terms[:, 0], terms[:, 1:] = [one.sum for one, _ in group], values
    with np.errstate(invalid="ignore", over="ignore"):  # infinities of both signs, as a training loop may log them
        totals = np.add.accumulate(terms, axis=1, out=terms)[:, -1].tolist()
        lows, highs = values.min(axis=1).tolist(), values.max(axis=1).tolist()
    ends = values[:, [0, -1]].tolist()
    for (one, column), total, low, high, (first, last) in zip(group, totals, lows, highs, ends, strict=True):
        if total != total:
            add_column(one, column)
        else:
            one.add_ends(first, last)
            one.add_summary(values.shape[1], total, low, high)


def add_column(statistics: FieldStatistics, column: Column) -> None:
    """The same for one, of any type."""
    if column.type == "values":
        statistics.add([_storable(value) for value in column.packed() if is_number(value)])
        return
    kind = np.dtype(DTYPES[column.type])
    if len(column.data) < _FROM * kind.itemsize:
        statistics.add(column.packed())
        return
    values = np.frombuffer(column.data, kind)
    statistics.add_ends(values[0].item(), values[-1].item())
    total = _sequential_sum(statistics.sum, values)
    if total != total:
        numbers = values[values == values]
        statistics.nan_count += len(values) - len(numbers)
        values, total = numbers, _sequential_sum(statistics.sum, numbers)
    if len(values):
        statistics.add_summary(len(values), total, values.min().item(), values.max().item())


def first_numbers(columns: Iterable[Column], fields: Collection[str]) -> dict[str, Number]:
    """The first number of each of these fields in the rows of these columns, NaN or not: what statistics of these rows
    alone would call `first`. Fields without a number are absent."""
    found = dict[str, Number]()
    for column in columns:
        if column.type == "events":
            for event in column.packed():
                for name, value in event.items():
                    if name in fields and is_number(value):
                        found.setdefault(name, value)
        elif column.name in fields and numbers_in(column):
            own = FieldStatistics()
            add_column(own, column)
            assert own.first is not None, "it has numbers"
            found[column.name] = own.first
    return found


def _sequential_sum(start: float, values: NDArray[Any]) -> float:
    terms = np.empty(len(values) + 1)
    terms[0], terms[1:] = start, values
    with np.errstate(invalid="ignore", over="ignore"):  # as above
        return float(np.add.accumulate(terms, out=terms)[-1])


def _storable(value: float) -> float:
    """MongoDB holds integers of 64 bits; larger ones, which a producer of ours never sends, as the nearest float."""
    return value if type(value) is float or MIN_INT <= value <= MAX_INT else float(value)
