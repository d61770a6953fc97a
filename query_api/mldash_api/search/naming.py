"""Names of fields that runs have, for completion: of the runs that the caller may read, and of no others."""

from collections.abc import Callable
from heapq import nsmallest
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mldash.answers.shapes import FieldAnswer

from .columns import BIG, FALSE, FLOAT, INT, MISSING, OTHER, TEXT, TRUE, Column
from .table import RunTable

_KINDS: Final = {
    "number": (INT, FLOAT, BIG),
    "text": (TEXT,),
    "boolean": (FALSE, TRUE),
    "other": (OTHER,),
}
_LOOKED_BETWEEN_CHECKS: Final = 256


def names_of(
    table: RunTable, rows: NDArray[np.bool_], prefix: str, limit: int, check: Callable[[], None]
) -> tuple[list[FieldAnswer], int]:
    """Those that begin so, the ones that most runs have first; and how many there are."""
    is_all = rows is table.is_there
    found = list[tuple[int, str, Column]]()
    for place, (_, column) in enumerate(table.fields()):
        if place % _LOOKED_BETWEEN_CHECKS == 0:
            check()
        if column.name.startswith(prefix):
            count = column.count if is_all else _count(column, rows)
            if count:
                found.append((-count, column.name, column))
    first = nsmallest(limit, found, key=lambda one: one[:2])
    return [FieldAnswer(field=name, kinds=_kinds(column, rows), runs=-count) for count, name, column in first], len(
        found
    )


def _count(column: Column, rows: NDArray[np.bool_]) -> int:
    if column.cells is not None:
        return sum(1 for row in column.cells if rows[row])
    return int(np.count_nonzero(column.kinds[rows[: len(column.kinds)]]))


def _kinds(column: Column, rows: NDArray[np.bool_]) -> list[str]:
    if column.cells is not None:
        found = {_kind_of(value) for row, value in column.cells.items() if rows[row]}
        return [kind for kind in _KINDS if kind in found]
    there = np.bincount(column.kinds[rows[: len(column.kinds)]], minlength=8)
    there[MISSING] = 0
    return [kind for kind, codes in _KINDS.items() if there[list(codes)].any()]


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"
