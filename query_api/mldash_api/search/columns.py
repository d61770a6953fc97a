"""A field's values, a cell a run.

While few runs have the field its cells are a dict; once an eighth of them do, arrays: `kinds` says what a cell is,
`numbers` holds numbers as float64, `codes` all that is no plain number (vocabulary.py). An integer that float64 can't
hold exactly is BIG: its code has it exactly, its number is the nearest.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .vocabulary import Vocabulary

MISSING: Final = 0
INT: Final = 1
FLOAT: Final = 2
FALSE: Final = 3
TRUE: Final = 4
TEXT: Final = 5
OTHER: Final = 6
BIG: Final = 7

CODED: Final = TEXT
"""Cells of this kind and above are by code."""

_EXACT: Final = 2**53
_FEW: Final = 256
_FEW_OF: Final = 8


class Column:
    """Cells by row. `count`: how many there are."""

    __slots__ = ("_codes", "_numbers", "cells", "count", "kinds", "name", "new_rows", "new_values", "vocabulary")

    def __init__(self, name: str) -> None:
        self.name = name
        """As a filter asks for it."""
        self.count = 0
        self.cells: dict[int, Any] | None = {}
        """While there are few; None: they are in the arrays."""
        self.kinds: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._numbers: NDArray[np.float64] | None = None
        self._codes: NDArray[np.int32] | None = None
        self.vocabulary = Vocabulary()
        self.new_rows: list[int] = []
        """Rows that have no cell yet, and get one with many others; `new_values` are theirs."""
        self.new_values: list[Any] = []

    def write_noted(self, capacity: int) -> None:
        """Numbers of one type and texts at once, for a cell by itself costs ten times as much."""
        rows, values = self.new_rows, self.new_values
        self.new_rows, self.new_values = [], []
        if self.cells is not None:
            self.cells.update(zip(rows, values, strict=True))
            self.count = len(self.cells)
            self._to_arrays_where_many(capacity)
            return
        self.grow(capacity)
        self.count += len(rows)
        types = set(map(type, values))
        if types == {float}:
            self.kinds[rows], self.numbers[rows] = FLOAT, values
        elif types == {str}:
            self.kinds[rows], self.codes[rows] = TEXT, [self.vocabulary.take(value) for value in values]
        elif types == {int} and min(values) >= -_EXACT and max(values) <= _EXACT:
            self.kinds[rows], self.numbers[rows] = INT, values
        else:
            for row, value in zip(rows, values, strict=True):
                self._write(row, value)

    def put(self, row: int, value: Any, capacity: int) -> None:
        """`capacity`: of the table, above every row."""
        if self.cells is not None:
            self.cells[row] = value
            self.count = len(self.cells)
            self._to_arrays_where_many(capacity)
            return
        if row >= len(self.kinds):
            self.grow(capacity)
        before = self.kinds[row]
        if before >= CODED:
            self._leave(row)
        self.count += int(before == MISSING)
        self._write(row, value)

    def clear(self, row: int) -> None:
        """The run has no such field any more."""
        if self.cells is not None:
            self.cells.pop(row, None)
            self.count = len(self.cells)
            return
        if row < len(self.kinds) and self.kinds[row] != MISSING:
            if self.kinds[row] >= CODED:
                self._leave(row)
            self.kinds[row] = MISSING
            self.count -= 1

    def value(self, row: int) -> Any:
        """KeyError where there is none."""
        if self.cells is not None:
            return self.cells[row]
        kind = int(self.kinds[row]) if row < len(self.kinds) else MISSING
        if kind == MISSING:
            raise KeyError(row)
        if kind >= CODED:
            return self.vocabulary.values[self.codes[row]]
        if kind == INT:
            return int(self.numbers[row])
        return float(self.numbers[row]) if kind == FLOAT else kind == TRUE

    def rows(self) -> Iterator[int]:
        """Those that have the field."""
        if self.cells is not None:
            return iter(self.cells)
        return iter(np.flatnonzero(self.kinds).tolist())

    @property
    def numbers(self) -> NDArray[np.float64]:
        """By row, where a cell is INT, FLOAT or BIG."""
        if self._numbers is None:
            self._numbers = np.zeros(len(self.kinds))
        return self._numbers

    @property
    def codes(self) -> NDArray[np.int32]:
        """By row, where a cell is CODED or above."""
        if self._codes is None:
            self._codes = np.zeros(len(self.kinds), np.int32)
        return self._codes

    @property
    def has_numbers(self) -> bool:
        return self._numbers is not None

    @property
    def has_codes(self) -> bool:
        return self._codes is not None

    def grow(self, capacity: int) -> None:
        """Room for rows below `capacity`."""
        if self.cells is None and capacity > len(self.kinds):
            self.kinds = _longer(self.kinds, capacity)
            self._numbers = None if self._numbers is None else _longer(self._numbers, capacity)
            self._codes = None if self._codes is None else _longer(self._codes, capacity)

    def _write(self, row: int, value: Any) -> None:
        kind = type(value)
        if kind is float:
            self.kinds[row], self.numbers[row] = FLOAT, value
        elif kind is bool:
            self.kinds[row] = TRUE if value else FALSE
        elif kind is int and -_EXACT <= value <= _EXACT:
            self.kinds[row], self.numbers[row] = INT, value
        else:
            self.codes[row] = self.vocabulary.take(value)
            self.kinds[row] = TEXT if kind is str else OTHER
            if kind is int:
                self.kinds[row], self.numbers[row] = BIG, nearest_float(value)

    def _leave(self, row: int) -> None:
        self.vocabulary.leave(int(self.codes[row]))
        if self.vocabulary.is_mostly_unused:
            self.kinds[row] = MISSING
            coded = self.kinds >= CODED
            self.vocabulary, moved = self.vocabulary.without_unused()
            self.codes[coded] = moved[self.codes[coded]]

    def _to_arrays_where_many(self, capacity: int) -> None:
        if self.count > _FEW and self.count * _FEW_OF > capacity:
            self._to_arrays(capacity)

    def _to_arrays(self, capacity: int) -> None:
        cells, self.cells = self.cells or {}, None
        self.grow(capacity)
        for row, value in cells.items():
            self._write(row, value)


def nearest_float(value: int) -> float:
    """Of an integer of any size."""
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    longer = np.zeros(length, array.dtype)
    longer[: len(array)] = array
    return longer
