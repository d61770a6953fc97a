"""The rows that a caller may read. A prefix never changes, so what was found of a row holds while it is that run's."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mldash_api.rights.caller import EVERYTHING

from .table import RunTable

_KEPT: Final = 32


class Visible:
    """Remembers the rows of some scopes, each until a row begins to be of another run."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, ...], tuple[int, NDArray[np.bool_]]] = OrderedDict()

    def rows(self, table: RunTable, scopes: Sequence[str]) -> NDArray[np.bool_]:
        """By row, up to the table's capacity. Not to be written to."""
        if EVERYTHING in scopes:
            return table.is_there
        key = tuple(scopes)
        known = self._known.get(key)
        if known is None or known[0] != table.epoch:
            known = table.epoch, _within(table, key)
            self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known[1]


def _within(table: RunTable, scopes: Sequence[str]) -> NDArray[np.bool_]:
    """Each run's own ancestors are looked up, for there may be many scopes."""
    wanted, rows = frozenset(scopes), np.zeros(table.capacity, np.bool_)
    for row, run in enumerate(table.runs):
        rows[row] = run is not None and not wanted.isdisjoint(_and_what_is_above(run.prefix))
    return rows


def _and_what_is_above(prefix: str) -> Iterator[str]:
    """`a/b/c`, `a/b`, `a`: the scopes that cover it, besides everything."""
    while prefix:
        yield prefix
        prefix = prefix.rpartition("/")[0]
