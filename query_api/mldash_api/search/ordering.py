"""Rows in the order of a field, page after page.

    numbers, then texts by code points, then false and true, then what is none of these, NaN and what is missing

Descending turns the first three round, and what is missing stays last. Ties go by the experiment's id, so an order is
whole, and a page goes on behind the key of the last row, whatever has changed meanwhile.
"""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash.query.syntax import Field

from .columns import BIG, FALSE, FLOAT, INT, MISSING, OTHER, TEXT, TRUE, Column
from .table import RunTable

_NUMBER: Final = 0
_TEXT: Final = 1
_BOOLEAN: Final = 2
_LAST: Final = 3
_CLASS_OF_KIND: Final = np.zeros(8, np.uint8)
_CLASS_OF_KIND[[MISSING, OTHER]] = _LAST
_CLASS_OF_KIND[[INT, FLOAT, BIG]] = _NUMBER
_CLASS_OF_KIND[TEXT] = _TEXT
_CLASS_OF_KIND[[FALSE, TRUE]] = _BOOLEAN


class Order(Struct, frozen=True):
    """By which field."""

    field: Field
    descending: bool = False


class Place(Struct, frozen=True, array_like=True):
    """The key of a row: its class, its number, or its text, and its id."""

    rank: int
    value: float | str
    id: bytes


class _Keys(Struct, frozen=True):
    """Of some rows: less comes first. `texts` in their order: a text's number is its place there."""

    classes: NDArray[np.uint8]
    numbers: NDArray[np.float64]
    texts: Sequence[str]


def page_of(
    table: RunTable, passing: NDArray[np.bool_], order: Order, after: Place | None, limit: int
) -> tuple[list[int], Place | None]:
    """The rows of a page, and the place of the last where there are more behind it."""
    rows = np.flatnonzero(passing)
    keys = _keys_of(table, rows, order)
    ids = table.ids[rows]
    if after is not None:
        behind = _behind(keys, ids, after, order)
        rows, ids = rows[behind], ids[behind]
        keys = _Keys(keys.classes[behind], keys.numbers[behind], keys.texts)
    if limit == 0 or not len(rows):
        return [], None
    near = _nearest(keys, limit + 1)
    sorted_ = near[np.lexsort((ids[near, 1], ids[near, 0], keys.numbers[near], keys.classes[near]))]
    page = sorted_[:limit]
    last = int(page[-1]) if len(rows) > limit else None
    place = None if last is None else _place(keys, last, ids[last], order)
    return rows[page].tolist(), place


def _nearest(keys: _Keys, count: int) -> NDArray[np.intp]:
    """Those that can be among the first so many: one pass instead of sorting all."""
    if len(keys.classes) <= 4 * count:
        return np.arange(len(keys.classes))
    for rank in np.unique(keys.classes).tolist():
        before, of_class = keys.classes < rank, keys.classes == rank
        missing = count - int(np.count_nonzero(before))
        if np.count_nonzero(of_class) >= missing:
            numbers = keys.numbers[of_class]
            limit = np.partition(numbers, missing - 1)[missing - 1]
            return np.flatnonzero(before | (of_class & (keys.numbers <= limit)))
    return np.arange(len(keys.classes))


def _keys_of(table: RunTable, rows: NDArray[np.intp], order: Order) -> _Keys:
    column = table.column(order.field)
    if column is None:
        return _Keys(np.full(len(rows), _LAST, np.uint8), np.zeros(len(rows)), [])
    classes, numbers, texts = _of_cells(column, table.capacity) if column.cells is not None else _of_arrays(column)
    classes, numbers = classes[rows], numbers[rows]
    nowhere = np.isnan(numbers) | (classes == _LAST)
    if order.descending:
        classes, numbers = (_BOOLEAN - classes).astype(np.uint8), -numbers
    classes[nowhere], numbers[nowhere] = _LAST, 0.0
    return _Keys(classes, numbers, texts)


def _of_arrays(column: Column) -> tuple[NDArray[np.uint8], NDArray[np.float64], Sequence[str]]:
    kinds = column.kinds
    numbers = column.numbers.copy() if column.has_numbers else np.zeros(len(kinds))
    numbers[kinds == FALSE], numbers[kinds == TRUE] = 0.0, 1.0
    texts: Sequence[str] = []
    if column.has_codes:
        ranks, texts = column.vocabulary.ranks()
        is_text = kinds == TEXT
        numbers[is_text] = ranks[column.codes[is_text]]
    return _CLASS_OF_KIND[kinds], numbers, texts


def _of_cells(column: Column, capacity: int) -> tuple[NDArray[np.uint8], NDArray[np.float64], Sequence[str]]:
    cells = column.cells or {}
    classes, numbers = np.full(capacity, _LAST, np.uint8), np.zeros(capacity)
    texts = sorted({value for value in cells.values() if isinstance(value, str)})
    places = {text: place for place, text in enumerate(texts)}
    for row, value in cells.items():
        if isinstance(value, str):
            classes[row], numbers[row] = _TEXT, places[value]
        elif isinstance(value, bool):
            classes[row], numbers[row] = _BOOLEAN, value
        elif isinstance(value, int | float):
            classes[row], numbers[row] = _NUMBER, value
    return classes, numbers, texts


def _behind(keys: _Keys, ids: NDArray[np.uint64], after: Place, order: Order) -> NDArray[np.bool_]:
    number = after.value if not isinstance(after.value, str) else _number_of_text(keys.texts, after.value, order)
    same_class = keys.classes == after.rank
    high, low = int.from_bytes(after.id[:8], "big"), int.from_bytes(after.id[8:], "big")
    higher = (ids[:, 0] > np.uint64(high)) | ((ids[:, 0] == np.uint64(high)) & (ids[:, 1] > np.uint64(low)))
    behind: NDArray[np.bool_] = (keys.classes > after.rank) | (
        same_class & ((keys.numbers > number) | ((keys.numbers == number) & higher))
    )
    return behind


def _number_of_text(texts: Sequence[str], text: str, order: Order) -> float:
    """Between its neighbours where no run has it any more."""
    place = bisect_left(texts, text)
    number = float(place) if place < len(texts) and texts[place] == text else place - 0.5
    return -number if order.descending else number


def _place(keys: _Keys, at: int, id_: NDArray[np.uint64], order: Order) -> Place:
    rank, number = int(keys.classes[at]), float(keys.numbers[at])
    own = int(id_[0]).to_bytes(8, "big") + int(id_[1]).to_bytes(8, "big")
    is_text = rank == _TEXT  # in either direction: it is the middle one
    return Place(rank, keys.texts[round(abs(number))] if is_text else number, own)


def value_at(column: Column | None, row: int) -> Any:
    """KeyError where the run has no such field."""
    if column is None:
        raise KeyError(row)
    return column.value(row)
