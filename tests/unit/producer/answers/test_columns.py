"""Answers as Arrow and Parquet: uniform columns have the type that tools expect, mixed ones are kept exactly."""

import io
import math
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.columns import parquet_bytes, rows_of_table, table_of_rows
from tests.unit.producer.same import same
from tests.unit.producer.strategies import plain_values, texts


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], pa.int64()),
        ([1.0, math.nan], pa.float64()),
        ([True], pa.bool_()),
        (["a"], pa.string()),
        ([b"a"], pa.binary()),
        ([1, 2.5], pa.float64()),
        ([2**53 + 1, 2.5], pa.string()),
        ([1, True], pa.string()),
        ([1, "a"], pa.string()),
        ([[1.0, 2.0], [3.0]], pa.list_(pa.float64())),
        ([[[1]], [[2]]], pa.list_(pa.list_(pa.int64()))),
        ([[1, "a"]], pa.string()),
        ([{"a": 1}], pa.string()),
        ([None, None], pa.null()),
        ([[]], pa.list_(pa.null())),
    ],
)
def test_the_type_of_a_column_follows_from_all_its_values(values: list[Any], kind: pa.DataType) -> None:
    table = table_of_rows([{"x": value} for value in values])
    assert table.schema.field("x").type == kind


def test_columns_that_only_some_rows_have_are_null_in_the_others() -> None:
    table = table_of_rows([{"t": 1.0, "a": 1}, {"t": 2.0, "b": "x"}], ("t",))
    assert table.column_names == ["t", "a", "b"]
    assert table.to_pylist() == [{"t": 1.0, "a": 1, "b": None}, {"t": 2.0, "a": None, "b": "x"}]


def test_parquet_bytes_are_a_file_of_the_same_table() -> None:
    rows = [{"t": 1.0, "m": 1}, {"t": 2.0, "m": "text"}]
    table = pq.read_table(io.BytesIO(parquet_bytes(rows, ("t",))))
    assert table.column("m").to_pylist() == ["1", '"text"']
    assert rows_of_table(table) == rows


def test_no_rows_are_an_empty_table_with_the_columns_that_always_are() -> None:
    assert pq.read_table(io.BytesIO(parquet_bytes([], ("timestamp",)))).column_names == ["timestamp"]


def without_none(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def as_float_where_mixed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the documented rule makes of a column of ints and floats."""
    kinds: dict[str, set[type]] = {}
    large: set[str] = set()
    for row in rows:
        for name, value in row.items():
            kinds.setdefault(name, set()).add(type(value))
            if type(value) is int and abs(value) > 2**53:
                large.add(name)
    mixed = {name for name, found in kinds.items() if found == {int, float} and name not in large}
    return [{name: float(value) if name in mixed else value for name, value in row.items()} for row in rows]


flat = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | texts | st.binary(max_size=5)


cells = flat | st.dictionaries(texts, plain_values, max_size=2)


@given(st.lists(st.dictionaries(texts.filter(lambda name: name != "row"), cells, max_size=4), max_size=5))
def test_rows_come_back_from_a_table_but_for_the_difference_of_none_and_absent(drawn: list[dict[str, Any]]) -> None:
    rows = [{"row": number, **row} for number, row in enumerate(drawn)]
    present = as_float_where_mixed([without_none(row) for row in rows])
    found = rows_of_table(table_of_rows(rows))
    assert same([dict(sorted(row.items())) for row in found], [dict(sorted(row.items())) for row in present])
