"""Count, sum, minimum, maximum, last and first value and NaN count of each numeric field, carried on in index order.

Sums are sequential floats in index order, so that they do not depend on where buckets or chunks were cut, nor on the
Python version: the built-in sum() compensates since 3.12, and NumPy's adds pairwise. bool does not count as a number.
"""

from collections import deque
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

FIELD_LIMIT = 10_000
"""Fields of one stream that have statistics: the first ones in chain order."""

FIELD_NAME_BYTES = 1 << 20
"""Of the names of these fields together, in UTF-8: they stand in one document."""

Number = int | float


class FieldStatistics(Struct, array_like=True):
    """Of the values so far that are numbers. NaN are counted apart and part of nothing else, but `last` and `first` may
    be one. `first` is None beside a `last` where it is not known: nobody kept it when it came, and it stays so."""

    count: int = 0
    sum: float = 0.0
    min: Number | None = None
    max: Number | None = None
    last: Number | None = None
    nan_count: int = 0
    first: Number | None = None

    @property
    def mean(self) -> float | None:
        return self.sum / self.count if self.count else None

    def add(self, values: Sequence[Number]) -> None:
        """Further values, in index order; int or float, NaN among them or not."""
        if not values:
            return
        self.add_ends(values[0], values[-1])
        total = _sequential_sum(self.sum, values)
        if total != total:  # a NaN among them, or infinities of both signs
            numbers = [value for value in values if value == value]
            self.nan_count += len(values) - len(numbers)
            values, total = numbers, _sequential_sum(self.sum, numbers)
        if values:
            self.add_summary(len(values), total, min(values), max(values))

    def add_ends(self, first: Number, last: Number) -> None:
        """The first and the last of further values, NaN or not. Before the rest of them."""
        if self.last is None:
            self.first = first
        self.last = last

    def add_summary(self, count: int, total: float, low: Number, high: Number) -> None:
        """`count` further numbers, none of them NaN: their least and greatest, and the sum with them."""
        low, high = low or abs(low), high or abs(high)  # the two zeros are one
        self.min = low if self.min is None or low < self.min else self.min
        self.max = high if self.max is None or high > self.max else self.max
        self.sum = total
        self.count += count


def _sequential_sum(start: float, values: Sequence[Number]) -> float:
    return float(deque(accumulate(values, initial=start), maxlen=1)[0])


def is_number(value: object) -> bool:
    """Whether a value has a part in statistics: int and float, not bool."""
    return type(value) is float or type(value) is int
