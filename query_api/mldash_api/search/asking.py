"""The work on what a request asks of the runs: in a thread, with the table to itself while it needs it."""

from collections.abc import Callable, Sequence
from time import time
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash.answers.shapes import FieldAnswer
from mldash.events.identity import ID_BYTES, Prefix
from mldash.query.syntax import In, Plain, kind_of
from mldash_api.stores.streams import ExperimentRef
from mldash_api.times import iso_or_none

from .answers import RunRow
from .asked import AskedPage, AskedRuns, Named
from .cursors import no_cursor, opened
from .grouping import Gathered, RunGroup, gather, groups_of
from .index import RunIndex
from .matching import rows_that_pass
from .naming import names_of
from .ordering import Place, page_of
from .table import RunTable


class FoundRuns(Struct, frozen=True):
    """A page. `count`: all that pass. `last`: where the next page goes on. `as_of`: how new the table was."""

    experiments: list[ExperimentRef]
    rows: list[RunRow]
    count: int
    last: Place | None
    as_of: float


class FoundGroups(Struct, frozen=True):
    groups: list[RunGroup]
    count: int
    as_of: float


async def find_runs(index: RunIndex, asked: AskedRuns, page: AskedPage) -> FoundRuns:
    """Raises IndexBuilding, QueryTooLong."""

    def work(table: RunTable, check: Callable[[], None]) -> FoundRuns:
        passing = _passing(index, table, asked, check)
        rows, last = page_of(table, passing, page.order, page.after, page.limit)
        check()
        found = [one for row in rows if (one := table.runs[row]) is not None]
        experiments = [ExperimentRef(Prefix(one.prefix), one.id, one.generation, one.created_at) for one in found]
        chosen = _chosen(table, rows, page.fields) if page.fields is not None else []
        return FoundRuns(experiments, chosen, int(np.count_nonzero(passing)), last, index.as_of)

    return await index.ask(work)


async def values_of(
    index: RunIndex, scopes: Sequence[str], prefixes: Sequence[str], fields: Sequence[Named]
) -> tuple[dict[str, dict[str, Any]], float]:
    """Of each of these runs that is there the values that it has, and how new that is. Raises as find_runs."""
    among = In(Plain("prefix"), tuple(dict.fromkeys(prefixes)))
    asked = AskedRuns(filter=among, scopes=scopes, now=time())

    def work(table: RunTable, check: Callable[[], None]) -> tuple[dict[str, dict[str, Any]], float]:
        rows = np.flatnonzero(_passing(index, table, asked, check)).tolist()
        return {one["prefix"]: one["values"] for one in _chosen(table, rows, fields)}, index.as_of

    return await index.ask(work)


async def find_groups(index: RunIndex, asked: AskedRuns, by: Sequence[Named], of: Sequence[Named]) -> FoundGroups:
    """Raises IndexBuilding, QueryTooLong, AnswerTooLarge."""

    def work(table: RunTable, check: Callable[[], None]) -> tuple[Gathered, int, float]:
        passing = _passing(index, table, asked, check)
        return gather(table, passing, by, of), int(np.count_nonzero(passing)), index.as_of

    gathered, count, as_of = await index.ask(work)
    return FoundGroups(await index.aside(lambda check: groups_of(gathered, check)), count, as_of)


async def find_fields(
    index: RunIndex, scopes: Sequence[str], prefix: str, limit: int
) -> tuple[list[FieldAnswer], int, float]:
    """The first of the fields that begin so, how many there are, and how new that is."""
    names, count = await index.ask(
        lambda table, check: names_of(table, index.visible.rows(table, scopes), prefix, limit, check)
    )
    return names, count, index.as_of


def place_of(cursor: str, mark: bytes) -> tuple[Place, float]:
    """The place and the clock. Raises WrongParameter."""
    another = "it goes on with another filter or sort: send those of the page before"
    place, now = opened(cursor, mark, _decode, another)
    if len(place.id) != ID_BYTES:
        raise no_cursor()
    return place, now


_decode = msgspec.msgpack.Decoder(tuple[int, bytes, float, Place]).decode


def _passing(index: RunIndex, table: RunTable, asked: AskedRuns, check: Callable[[], None]) -> NDArray[np.bool_]:
    visible = index.visible.rows(table, asked.scopes)
    return rows_that_pass(table, asked.filter, asked.now, check) & visible


def _chosen(table: RunTable, rows: Sequence[int], fields: Sequence[Named]) -> list[RunRow]:
    columns = [(name, table.column(field), kind_of(field) == "time") for name, field in fields]
    found = list[RunRow]()
    for row in rows:
        run, values = table.runs[row], dict[str, Any]()
        assert run is not None, "a row that passes is of a run"
        for name, column, is_time in columns:
            try:
                value = None if column is None else column.value(row)
            except KeyError:
                continue
            if column is not None:
                values[name] = iso_or_none(value) if is_time else value
        found.append({"prefix": run.prefix, "id": run.id.hex(), "values": values})
    return found
