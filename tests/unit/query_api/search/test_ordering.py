"""The order of runs by a field, and pages of it."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.query.syntax import Keyed
from mldash_api.search.ordering import Order, page_of
from mldash_api.search.table import RunTable
from tests.unit.producer.query.filters import logged

from .tables import put, table_of

X = Keyed("params", "x")
cells = st.lists(st.just({}) | logged.map(lambda value: {"params": {"x": value}}), max_size=12)


def expected(table: RunTable, runs: list[dict[str, Any]], descending: bool) -> list[int]:
    """In plain Python: by class, value and id."""

    def key(row: int) -> tuple[Any, ...]:
        value, id_ = runs[row].get("params", {}).get("x"), table.runs[row].id  # type: ignore[union-attr]
        if isinstance(value, bool):
            return (0 if descending else 2, -value if descending else value, id_)
        if isinstance(value, int | float) and value == value:
            number = float(value)
            return (2 if descending else 0, -number if descending else number, id_)
        if isinstance(value, str):
            return (1, [-ord(letter) for letter in value] + [1] if descending else value, id_)
        return (3, 0, id_)

    return sorted(range(len(runs)), key=key)


@given(cells, st.booleans(), st.booleans())
@settings(deadline=None, max_examples=150)
def test_runs_come_by_number_text_boolean_and_then_what_is_missing(
    runs: list[dict[str, Any]], descending: bool, dense: bool
) -> None:
    table = table_of(runs, dense=dense)
    rows, last = page_of(table, table.is_there, Order(X, descending), None, 100)
    assert (rows, last) == (expected(table, runs, descending), None)


@given(cells, st.booleans(), st.booleans(), st.integers(1, 5))
@settings(deadline=None, max_examples=200)
def test_page_after_page_gives_every_run_once(
    runs: list[dict[str, Any]], descending: bool, dense: bool, limit: int
) -> None:
    table = table_of(runs, dense=dense)
    found, after = list[int](), None
    for _ in range(len(runs) + 1):
        rows, after = page_of(table, table.is_there, Order(X, descending), after, limit)
        found += rows
        if after is None:
            break
    assert found == expected(table, runs, descending)


def test_a_page_goes_on_where_the_last_one_ended_though_that_run_is_gone() -> None:
    table = table_of({"params": {"x": f"{at:02}"}} for at in range(20))
    for descending in (False, True):
        rows, after = page_of(table, table.is_there, Order(X, descending), None, 10)
        put(table, f"o/p/{rows[-1]}", {"params": {"x": "other"}})
        behind, _ = page_of(table, table.is_there, Order(X, descending), after, 100)
        assert not set(rows[:-1]) & set(behind)
        put(table, f"o/p/{rows[-1]}", {"params": {"x": f"{rows[-1]:02}"}})


def test_many_runs_are_not_sorted_to_show_the_first_ones_of_them() -> None:
    table = table_of({"params": {"x": at * 7919 % 2_000}} for at in range(2_000))
    rows, last = page_of(table, table.is_there, Order(X), None, 50)
    assert [table.column(X).value(row) for row in rows] == list(range(50))  # type: ignore[union-attr]
    assert last is not None
    assert page_of(table, np.zeros(table.capacity, np.bool_), Order(X), None, 50) == ([], None)
