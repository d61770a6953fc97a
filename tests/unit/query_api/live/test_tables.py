"""A table of runs in the live stream: what is asked for, and what a listener is told of two looks."""

import msgspec
import pytest

from mldash_api.errors import ApiError
from mldash_api.live.asked import Asked, checked
from mldash_api.live.tables.asked import MOST_CELLS, MOST_ROWS, AskedTable
from mldash_api.live.tables.telling import Looked, rows_told


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
