"""The numbers of a track's entries as arrays (cells.py). Pure, and without a store: local mode takes it too."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from mldash.answers.kept_points import Floats
from mldash.events.field_statistics import is_number

from .cells import Leaf, Piece

MOST_PARTS: Final = 16
"""Of a list: what is longer is no vector that one looks at number by number."""
_TIMESTAMP: Final = "timestamp"
_ENTRIES_AT_ONCE: Final = 50_000
_ABSENT: Final = object()


def pieces_of(entries: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> Iterator[Piece]:
    """Of entries in the order of their times, as an answer has them; those of each field of `fields`."""
    for first in range(0, len(entries), _ENTRIES_AT_ONCE):
        part = entries[first : first + _ENTRIES_AT_ONCE]
        values, present = dict[Leaf, Floats](), np.zeros(len(part), np.bool_)
        for field in dict.fromkeys(fields):
            column = [entry.get(field, _ABSENT) for entry in part]
            present |= np.array([value is not _ABSENT for value in column], np.bool_)
            values |= numbers_of(field, column)
        yield Piece(np.array([entry[_TIMESTAMP] for entry in part], np.float64), values, present)


def numbers_of(field: str, column: Sequence[Any]) -> dict[Leaf, Floats]:
    """Of one value an entry, whatever it is: those leaves that have a number, infinities among them."""
    found = {Leaf(field, None): floats_of(column)}
    vectors = [value if _is_vector(value) else () for value in column]
    for part in range(max(map(len, vectors), default=0)):
        found[Leaf(field, part)] = floats_of([one[part] if part < len(one) else None for one in vectors])
    return {leaf: values for leaf, values in found.items() if not np.isnan(values).all()}


def floats_of(column: Sequence[Any]) -> Floats:
    """NaN where there is no number."""
    if {*map(type, column)} <= {int, float}:
        return np.array(column, np.float64)
    return np.array([value if is_number(value) else np.nan for value in column], np.float64)


def _is_vector(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) <= MOST_PARTS and all(map(is_number, value))
