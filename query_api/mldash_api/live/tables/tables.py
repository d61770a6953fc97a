"""Looks at the index of runs for all listeners that show a table: equal tables of equal rights are one look."""

from collections.abc import Iterable
from time import monotonic, time
from typing import TYPE_CHECKING, Final

import msgspec

from mldash.answers.rows import NonFinite, with_strings
from mldash_api.errors import ApiError
from mldash_api.rights.caller import scopes_of
from mldash_api.run_errors import IndexBuilding
from mldash_api.search.asked import AskedRuns
from mldash_api.search.asking import find_runs
from mldash_api.search.index import RunIndex
from mldash_api.times import iso_or_none

from .asked import AskedTable, question_of
from .telling import Looked

if TYPE_CHECKING:
    from mldash_api.live.listener import Listener

EVERY_S: Final = 1.0
"""A listener is told at most so often."""
_ANYWAY_S: Final = 10.0
"""Filters know the time, so what passes changes though nothing is stored."""

_Key = tuple[AskedTable, tuple[str, ...], NonFinite]
"""With the scopes that the caller may read: the rights are those of the table's route."""


class Tables:
    """One a process. `tend` is a step of a supervisor."""

    def __init__(self, index: RunIndex) -> None:
        self._index = index
        self._known = dict[_Key, Looked]()
        self._changes = -1
        self._looked_at = float("-inf")

    async def join(self, listener: "Listener") -> None:
        """The table as it is now, where the listener asks for one. Raises IndexBuilding, QueryTooLong, WrongFilter."""
        if listener.asked.table is not None:
            listener.has_table(await self._look(_key_of(listener, listener.asked.table)))

    async def tend(self, listeners: Iterable["Listener"]) -> None:
        """Look where something may be new. Raises IndexBuilding."""
        shown: dict[_Key, list[Listener]] = {}
        for listener in listeners:
            if listener.asked.table is not None:
                shown.setdefault(_key_of(listener, listener.asked.table), []).append(listener)
        changes, is_time = self._index.changes, monotonic() - self._looked_at > _ANYWAY_S
        is_new = changes != self._changes or is_time
        self._known = {key: looked for key, looked in self._known.items() if key in shown}
        for key, own in shown.items():
            try:
                looked = await self._look(key) if is_new or key not in self._known else self._known[key]
            except IndexBuilding:
                raise
            except ApiError as error:  # one table's alone: the others are told
                for listener in own:
                    listener.close(error.type)
                continue
            for listener in own:
                if listener.asked.table == key[0]:  # it has not changed meanwhile
                    listener.has_table(looked)
        if is_new:
            self._changes, self._looked_at = changes, monotonic()

    async def _look(self, key: _Key) -> Looked:
        table, scopes, nonfinite = key
        question = question_of(table)
        asked = AskedRuns(filter=question.filter, scopes=scopes, now=time())
        found = await find_runs(self._index, asked, question.page)
        rows = found.rows if nonfinite == "null" else with_strings(found.rows)
        blocks = {row["prefix"]: msgspec.json.encode(row) for row in rows}
        looked = Looked(rows=blocks, count=found.count, as_of=iso_or_none(found.as_of))
        before = self._known.get(key)
        if before is not None and before.is_like(looked):
            return before
        self._known[key] = looked
        return looked


def _key_of(listener: "Listener", table: AskedTable) -> _Key:
    return table, tuple(scopes_of(listener.caller, "read")), listener.asked.nonfinite
