"""Which calls make one row: as wandb does it, but that nothing vanishes."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mldash.incoming.rows import Row, Rows

calls = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.integers(), max_size=2),
        st.none() | st.integers(-1, 6),
        st.none() | st.booleans(),
    )
)


def taken(*given: tuple[dict[str, Any], int | None, bool | None]) -> list[Row]:
    rows = Rows()
    closed = [row for data, step, commit in given for row in rows.take(data, step, commit)]
    return closed + rows.close()


def test_a_call_without_a_step_is_a_row_and_counts_up() -> None:
    assert taken(({"a": 1}, None, None), ({}, None, None), ({"a": 2}, None, None)) == [
        Row(0, {"a": 1}),
        Row(1, {}),
        Row(2, {"a": 2}),
    ]


def test_calls_of_one_step_are_one_row_and_so_is_the_call_without_a_step_behind_them() -> None:
    """The last value of a key wins."""
    assert taken(({"a": 1}, 5, None), ({"a": 2, "b": 3}, 5, None), ({"c": 4}, None, None), ({"a": 9}, None, None)) == [
        Row(5, {"a": 2, "b": 3, "c": 4}),
        Row(6, {"a": 9}),
    ]


def test_commit_closes_a_row_or_keeps_it_open() -> None:
    assert taken(({"a": 1}, None, False), ({"b": 2}, None, None), ({"a": 3}, 7, True), ({"a": 4}, 8, None)) == [
        Row(0, {"a": 1, "b": 2}),
        Row(7, {"a": 3}),
        Row(8, {"a": 4}),
    ]


def test_a_step_that_is_closed_is_a_row_of_its_own() -> None:
    assert taken(({"a": 1}, 5, True), ({"a": 2}, 3, None), ({"a": 3}, -1, None)) == [
        Row(5, {"a": 1}),
        Row(3, {"a": 2}, late=True),
        Row(-1, {"a": 3}, late=True),
    ]


def test_a_key_that_comes_twice_is_two_rows_of_one_step_where_repeats_are_kept() -> None:
    """Two environments that end an episode at one step."""
    rows = Rows(keeps_repeats=True)
    closed = [*rows.take({"a": 1}, 4), *rows.take({"b": 2}, 4), *rows.take({"a": 3}, 4), *rows.close()]
    assert closed == [Row(4, {"a": 1, "b": 2}), Row(4, {"a": 3})]


@given(calls)
def test_every_key_that_was_logged_is_in_a_row_of_its_step(given: list[Any]) -> None:
    """Whatever the order of steps and commits; and no row has what nobody logged."""
    found = taken(*given)
    pairs = {(key, value) for data, _, _ in given for key, value in data.items()}
    assert {pair for row in found for pair in row.data.items()} <= pairs
    last: dict[tuple[int, str], int] = {}
    rows = Rows()
    for data, step, commit in given:
        number = rows.step if step is None else step
        rows.take(data, step, commit)
        last |= {(number, key): value for key, value in data.items()}
    for (step, key), value in last.items():
        assert any(row.step == step and row.data.get(key) == value for row in found)
