"""Points of one field as arrays, and which of them a chart needs: views of long streams never touch a point in Python.

What is kept of a pixel column is what mldash/answers/downsample.py keeps of it, by the same code
(mldash/answers/kept_points.py). What is different here is what comes before that: points come in any order, some
of them twice, and each with its column, for one that was drawn from a summary lies where its block does.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from mldash.answers.kept_points import Floats, Integers, kept_in_order
from mldash.answers.pixel_columns import Number
from mldash.events.column_types import DTYPES
from mldash.events.field_statistics import is_number
from mldash_compactor.chunks.rows import Part
from mldash_compactor.chunks.summaries import presence
from mldash_ingest.documents.columns import ABSENT, Column


class Numbers(NamedTuple):
    """Numbers as they were logged: all as floats, and those that are ints as such, exactly."""

    floats: Floats
    whole: Integers
    is_whole: NDArray[np.bool_]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Of an array of one type."""
        if values.dtype.kind == "i":
            whole = values.astype(np.int64, copy=False)
            return cls(whole.astype(np.float64), whole, np.ones(len(whole), np.bool_))
        floats = values.astype(np.float64, copy=False)
        return cls(floats, np.zeros(len(floats), np.int64), np.zeros(len(floats), np.bool_))

    @classmethod
    def of_list(cls, values: Sequence[Any]) -> Self:
        """Of Python's ints and floats."""
        kinds = list(map(type, values))
        whole = [value if kind is int else 0 for value, kind in zip(values, kinds, strict=True)]
        is_whole = np.fromiter((kind is int for kind in kinds), np.bool_, len(values))
        return cls(np.array(values, np.float64), np.array(whole, np.int64), is_whole)

    def take(self, places: Any) -> "Numbers":
        return Numbers(self.floats[places], self.whole[places], self.is_whole[places])

    def to_list(self) -> list[Number]:
        if self.is_whole.all():
            return list(self.whole.tolist())
        floats: list[Number] = self.floats.tolist()
        for place in np.flatnonzero(self.is_whole).tolist():
            floats[place] = int(self.whole[place])
        return floats


class Dots(NamedTuple):
    """Points to be drawn: where, in which pixel column, and their indices in the stream."""

    x: Numbers
    y: Numbers
    indices: Integers
    column: Integers

    def take(self, places: Any) -> "Dots":
        return Dots(self.x.take(places), self.y.take(places), self.indices[places], self.column[places])


def together(parts: Sequence[Dots]) -> Dots:
    """All of them; at least one part."""
    if len(parts) == 1:
        return parts[0]
    return Dots(
        _numbers_together([part.x for part in parts]),
        _numbers_together([part.y for part in parts]),
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.column for part in parts]),
    )


def in_order(dots: Dots) -> Dots:
    """By column, x and index, each point once: several summaries may name the same."""
    if not len(dots.indices):
        return dots
    keys = (dots.indices, dots.x.floats, dots.column)
    if not _is_sorted(keys):
        dots = dots.take(np.lexsort(keys))
    again = (dots.indices[1:] == dots.indices[:-1]) & (dots.column[1:] == dots.column[:-1])
    return dots.take(np.concatenate(([True], ~again))) if again.any() else dots


def kept(dots: Dots) -> Dots:
    """The points that a chart needs of each pixel column."""
    dots = in_order(dots)
    if not len(dots.indices):
        return dots
    values: NDArray[Any] = dots.y.whole if dots.y.is_whole.all() else dots.y.floats
    return dots.take(kept_in_order(dots.column, values))


def numbers_of(part: Part, start: int, stop: int) -> dict[str, tuple[Integers, Numbers]]:
    """Of each field with numbers in these rows: in which, and which. NaN is none."""
    found: dict[str, tuple[Integers, Numbers]] = {}
    for column in part.columns:
        if column.type == "events":
            return _numbers_of_events(column.packed()[start:stop], start)
        numbers = _numbers_of_column(column, part.row_count, start, stop)
        if numbers is not None and len(numbers[0]):
            found[column.name] = numbers
    return found


def _numbers_of_column(column: Column, rows: int, start: int, stop: int) -> tuple[Integers, Numbers] | None:
    if column.shape or column.type == "bool":
        return None
    if column.type == "values":
        return _numbers_of_values(column.values(rows)[start:stop], start)
    values = np.frombuffer(column.data, DTYPES[column.type])
    there = presence(column, rows)
    if there is None:
        places, values = np.arange(start, stop), values[start:stop]
    else:
        before = int(np.count_nonzero(there[:start]))
        places = start + np.flatnonzero(there[start:stop])
        values = values[before : before + len(places)]
    if values.dtype.kind == "f":
        numbers = ~np.isnan(values)
        if not numbers.all():
            places, values = places[numbers], values[numbers]
    return places, Numbers.of(values)


def _numbers_of_values(values: Sequence[Any], start: int) -> tuple[Integers, Numbers]:
    places = [place for place, value in enumerate(values, start) if is_number(value) and value == value]
    return np.array(places, np.int64), Numbers.of_list([values[place - start] for place in places])


def _numbers_of_events(events: Sequence[dict[str, Any]], start: int) -> dict[str, tuple[Integers, Numbers]]:
    names = dict.fromkeys(name for event in events for name, value in event.items() if is_number(value))
    found = {name: _numbers_of_values([event.get(name, ABSENT) for event in events], start) for name in names}
    return {name: numbers for name, numbers in found.items() if len(numbers[0])}


def _numbers_together(parts: Sequence[Numbers]) -> Numbers:
    return Numbers(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _is_sorted(keys: tuple[Integers, Floats, Integers]) -> bool:
    """Whether by the last key, then the one before it, then the first."""
    index, x, column = keys
    later = column[1:] > column[:-1]
    same = column[1:] == column[:-1]
    x_later, x_same = x[1:] > x[:-1], x[1:] == x[:-1]
    return bool((later | (same & (x_later | (x_same & (index[1:] >= index[:-1]))))).all())
