"""The evaluation over columns gives what plain Python gives, run by run."""

from time import process_time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mldash.query.evaluating import passes
from mldash.query.parsing import parse
from mldash.query.syntax import Compare, Filter, Keyed
from mldash_api.run_errors import QueryTooLong
from mldash_api.search.index import Deadline
from mldash_api.search.matching import compared, rows_that_pass
from tests.unit.producer.query.filters import NUMBERS, filters, finite, runs

from .tables import nothing, put, table_of

NOW = 1_000_000.0


@given(st.lists(runs, max_size=8), filters, st.booleans())
@settings(deadline=None, max_examples=200)
def test_a_filter_over_columns_passes_the_same_runs_as_one_by_one(
    all_runs: list[dict[str, Any]], filter_: Filter, dense: bool
) -> None:
    table = table_of(all_runs, dense=dense)
    mask = rows_that_pass(table, filter_, NOW, nothing)
    assert mask[: len(all_runs)].tolist() == [passes(filter_, run, NOW) for run in all_runs]
    assert not mask[len(all_runs) :].any()


@given(st.lists(st.tuples(st.integers(0, 4), runs), max_size=12), filters, st.booleans())
@settings(deadline=None, max_examples=200)
def test_runs_that_change_leave_nothing_of_what_they_were(
    changes: list[tuple[int, dict[str, Any]]], filter_: Filter, dense: bool
) -> None:
    """Runs are put, put again, and removed; dense columns meet cells of every kind."""
    table, known = table_of([{}] * 3, dense=dense), dict[int, dict[str, Any]](enumerate([{}] * 3))
    for number, run in changes:
        if run.get("archived"):
            table.remove(table.runs[table.rows[_id(number)]].id) if _id(number) in table.rows else None  # type: ignore[union-attr]
            known.pop(number, None)
        else:
            put(table, f"o/p/{number}", run)
            known[number] = run
        if dense:
            for _, column in table.fields():
                if column.cells is not None:
                    column._to_arrays(table.capacity)
    mask = rows_that_pass(table, filter_, NOW, nothing)
    rows = {number: table.rows[_id(number)] for number in known}
    assert {number: bool(mask[row]) for number, row in rows.items()} == {
        number: passes(filter_, run, NOW) for number, run in known.items()
    }
    assert np.count_nonzero(mask) == sum(mask[row] for row in rows.values())
    for _, column in table.fields():
        assert column.count == len(list(column.rows()))


@given(
    st.lists(st.sampled_from(NUMBERS) | st.floats(), min_size=1),
    st.sampled_from(["=", "!=", "<", "<=", ">", ">="]),
    finite,
)
@settings(deadline=None, max_examples=200)
def test_numbers_compare_exactly_with_integers_of_any_size(
    numbers: list[int | float], comparison: str, limit: int | float
) -> None:
    floats = [float(number) for number in numbers]
    condition = Compare(Keyed("params", "x"), comparison, limit)
    expected = [passes(condition, {"params": {"x": number}}, NOW) for number in floats]
    assert compared(np.array(floats), comparison, limit).tolist() == expected


def test_a_column_that_most_runs_have_becomes_arrays_and_says_the_same() -> None:
    values = [1, 1.0, True, None, "a", 2**60 + 1, float("nan"), [1, "a"], "ü", -5]
    table = table_of({"params": {"x": values[at % len(values)]}} for at in range(2_000))
    column = table.column(Keyed("params", "x"))
    assert column is not None and column.cells is None and column.count == 2_000
    assert [repr(column.value(row)) for row in range(10)] == [repr(value) for value in values]
    found = {
        text: int(np.count_nonzero(rows_that_pass(table, parse(text), NOW, nothing)))
        for text in (
            "params.x = 1",
            "params.x",
            "params.x is nan",
            'params.x has "a"',
            "params.x > 1152921504606846976",
        )
    }
    assert set(found.values()) == {200, 400} and found["params.x = 1"] == 400


def test_texts_that_no_run_has_any_more_leave_the_vocabulary() -> None:
    table = table_of({"params": {"x": f"text {at}"}} for at in range(3_000))
    for at in range(3_000):
        put(table, f"o/p/{at}", {"params": {"x": "same"}})
    column = table.column(Keyed("params", "x"))
    assert column is not None and len(column.vocabulary.values) < 2_000
    assert np.count_nonzero(rows_that_pass(table, parse('params.x = "same"'), NOW, nothing)) == 3_000


def test_a_query_whose_time_is_up_ends() -> None:
    table = table_of([{"params": {"x": 1}}])
    deadline = Deadline(1e-9)
    with pytest.raises(QueryTooLong):
        rows_that_pass(table, parse("params.x = 1"), NOW, deadline.check)
    left = Deadline(60.0)
    left.leave()
    with pytest.raises(QueryTooLong):
        left.check()


def _id(number: int) -> bytes:
    from mldash.events.identity import experiment_id

    return experiment_id(f"o/p/{number}")


def test_one_of_a_thousand_values_takes_no_longer_than_one_of_a_few() -> None:
    """Each run has a prefix of its own, so nothing is judged once for many."""
    table = table_of([{} for _ in range(20_000)], dense=True)
    text = "prefix in (" + ",".join(f'"{number}"' for number in range(1_000)) + ")"
    begun = process_time()
    rows_that_pass(table, parse(text), NOW, nothing)
    assert process_time() - begun < 1.0, "5 s where each run is compared with each value"
