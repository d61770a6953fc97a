"""The columns of a view of one field: what each holds, and how two of them become one. Pure.

Whatever is merged, the least, the greatest, the first and the last number stay, and so does the count of points
without one. So a view of one column has the extremes of all points.
"""

import math
from collections.abc import Sequence

from msgspec import Struct

Number = int | float


class Column(Struct, frozen=True):
    """x in [low, high), the last column with its end. `missing`: points without a number: NaN, another type, or without
    the field. Where `count` is 0 the four numbers are None."""

    low: Number
    high: Number
    least: Number | None = None
    greatest: Number | None = None
    first: Number | None = None
    last: Number | None = None
    count: int = 0
    missing: int = 0


class Series(Struct, frozen=True):
    """One field of the run `run` on a grid."""

    run: int
    field: str
    columns: list[Column]

    @property
    def whole(self) -> Column:
        return whole(self.columns)


def merged(one: Column, two: Column) -> Column:
    """`two` lies behind."""
    filled = [column for column in (one, two) if column.count]
    leasts = [column.least for column in filled if column.least is not None]
    greatests = [column.greatest for column in filled if column.greatest is not None]
    return Column(
        min(one.low, two.low),
        max(one.high, two.high),
        min(leasts, default=None),
        max(greatests, default=None),
        filled[0].first if filled else None,
        filled[-1].last if filled else None,
        one.count + two.count,
        one.missing + two.missing,
    )


def whole(columns: Sequence[Column]) -> Column:
    """All as one; of none an empty one."""
    if not columns:
        return Column(0, 0)
    found = columns[0]
    for one in columns[1:]:
        found = merged(found, one)
    return found


def coarser(columns: Sequence[Column], most: int) -> list[Column]:
    """At most so many, each of as many neighbours."""
    width = max(1, math.ceil(len(columns) / max(1, most)))
    return [whole(columns[at : at + width]) for at in range(0, len(columns), width)]
