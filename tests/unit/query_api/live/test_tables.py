"""A table of runs in the live stream: what is asked for, and what a listener is told of two looks."""

from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest

from mldash_api.errors import ApiError, NotFound
from mldash_api.live.asked import Asked, checked
from mldash_api.live.tables.asked import MOST_CELLS, MOST_ROWS, AskedTable
from mldash_api.live.tables.tables import Tables
from mldash_api.live.tables.telling import Looked, rows_told
from mldash_api.rights.caller import Caller
from mldash_api.run_errors import IndexBuilding, QueryTooLong
from mldash_api.search.asking import FoundRuns


def looked(*rows: tuple[str, bytes], count: int = 0) -> Looked:
    return Looked(rows=dict(rows), count=count, as_of=None)


def test_a_look_is_told_as_what_came_changed_and_went() -> None:
    first = looked(("a/b", b'{"x":1}'), ("a/c", b'{"x":2}'), ("a/d", b'{"x":3}'))
    told = msgspec.json.decode(rows_told(None, first))
    assert told["whole"] is True and told["gone"] == [] and told["order"] == ["a/b", "a/c", "a/d"]
    assert told["rows"] == [{"x": 1}, {"x": 2}, {"x": 3}]
    second = looked(("a/e", b'{"x":4}'), ("a/b", b'{"x":1}'), ("a/d", b'{"x":5}'), count=9)
    told = msgspec.json.decode(rows_told(first, second))
    assert told == {
        "whole": False,
        "asOf": None,
        "count": 9,
        "gone": ["a/c"],
        "order": ["a/e", "a/b", "a/d"],
        "rows": [{"x": 4}, {"x": 5}],
    }


def test_an_order_that_stays_is_not_told_again_and_another_order_alone_is_a_change() -> None:
    first = looked(("a/b", b"1"), ("a/c", b"2"))
    assert msgspec.json.decode(rows_told(first, looked(("a/b", b"1"), ("a/c", b"3"))))["order"] is None
    turned = looked(("a/c", b"2"), ("a/b", b"1"))
    assert not turned.is_like(first) and first.is_like(looked(("a/b", b"1"), ("a/c", b"2")))
    assert msgspec.json.decode(rows_told(first, turned))["order"] == ["a/c", "a/b"]


@pytest.mark.parametrize(
    "table",
    [
        AskedTable(fields=()),
        AskedTable(fields=("status",), limit=0),
        AskedTable(fields=("status",), limit=MOST_ROWS + 1),
        AskedTable(fields=tuple(f"params.p{at}" for at in range(500)), limit=MOST_CELLS // 500 + 1),
        AskedTable(fields=("no field",)),
        AskedTable(fields=("status",), filter="("),
        AskedTable(fields=("status",), sort="-no field"),
    ],
)
def test_what_is_no_table_is_refused(table: AskedTable) -> None:
    with pytest.raises(ApiError):
        checked(Asked(table=table))


def test_ids_go_on_whatever_the_table_is() -> None:
    asked = Asked(prefixes=("a/b",))
    assert checked(msgspec.structs.replace(asked, table=AskedTable(fields=("status",)))).hash == checked(asked).hash


class _Index:
    """Answers the first look so, and all others with no runs."""

    changes = 0

    def __init__(self, first: ApiError) -> None:
        self._answers: list[ApiError | None] = [first]

    async def ask(self, work: Callable[..., Any]) -> FoundRuns:
        if self._answers and (error := self._answers.pop()) is not None:
            raise error
        return FoundRuns([], [], 0, None, 1.0)


class _Shown:
    """A listener that shows a table of so many rows."""

    def __init__(self, limit: int) -> None:
        self.asked = Asked(table=AskedTable(fields=("status",), limit=limit))
        self.caller = Caller(subject="ada", grants=(), is_private=True)
        self.closed: str | None = None
        self.table: Looked | None = None

    def close(self, reason: str) -> None:
        self.closed = reason

    def has_table(self, table: Looked) -> None:
        self.table = table


@pytest.mark.parametrize("error", [QueryTooLong(1.0), NotFound("table", None)])
async def test_a_table_that_fails_ends_its_own_listeners_and_the_others_are_told(error: ApiError) -> None:
    tables, first, second = Tables(cast(Any, _Index(error))), _Shown(10), _Shown(20)
    await tables.tend(cast(Any, [first, second]))
    assert (first.closed, first.table) == (error.type, None)
    assert second.closed is None and second.table is not None


async def test_while_the_index_is_built_nobody_is_closed() -> None:
    tables, first = Tables(cast(Any, _Index(IndexBuilding(0, "")))), _Shown(10)
    with pytest.raises(IndexBuilding):
        await tables.tend(cast(Any, [first]))
    assert first.closed is None
    await tables.tend(cast(Any, [first]))
    assert first.table is not None
