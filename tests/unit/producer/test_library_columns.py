"""Columns of pandas, Polars and Arrow: exact integers whatever stands beside them, None where there is no value."""

from datetime import datetime
from typing import Any

import numpy as np
import polars
import pyarrow
import pytest

from mldash.handles.bulk_columns import pack_column
from mldash.local.blocks import column_values
from tests.unit.producer.direct import DirectExperiment
from tests.unit.producer.same import same

LARGE = 2**53 + 1
"""The first whole number that a float64 does not hold."""
DAY = datetime(2026, 1, 2, 3)


def held(column: Any) -> tuple[str, list[Any]]:
    """The type on the wire, and the values that come back."""
    packed = pack_column(column, "c")
    return packed.type, list(column_values(packed.piece(0, packed.count)))


def check(column: Any, type_: str, values: list[Any]) -> None:
    found = held(column)
    assert found[0] == type_
    assert same(found[1], values), found


@pytest.mark.parametrize(
    ("values", "dtype", "type_", "become"),
    [
        ([LARGE, None], "Int64", "values", [LARGE, None]),
        ([LARGE, 1], "Int64", "int64", [LARGE, 1]),
        ([200, None], "UInt8", "values", [200, None]),
        ([1.5, None], "Float64", "values", [1.5, None]),
        ([1.5, 2.5], "Float32", "float32", [1.5, 2.5]),
        ([1.5, None], "float64", "float64", [1.5, float("nan")]),
        ([True, None], "boolean", "values", [True, None]),
        ([True, False], "boolean", "bool", [True, False]),
        (["a", None], "string", "values", ["a", None]),
        (["a", None], "str", "values", ["a", None]),
        (["a", None, "b"], "category", "values", ["a", None, "b"]),
        ([LARGE, None], "int64[pyarrow]", "values", [LARGE, None]),
        ([LARGE], "int64[pyarrow]", "int64", [LARGE]),
        ([1.5, None], "double[pyarrow]", "values", [1.5, None]),
        ([True, None], "bool[pyarrow]", "values", [True, None]),
        (["a", None], "string[pyarrow]", "values", ["a", None]),
        ([DAY, None], "timestamp[us][pyarrow]", "values", ["2026-01-02T03:00:00+00:00", None]),
        ([DAY, None], "datetime64[ns]", "values", ["2026-01-02T03:00:00.000000000+00:00", None]),
        ([DAY, None], "datetime64[ns, UTC]", "values", ["2026-01-02T03:00:00+00:00", None]),
        ([1, None], "timedelta64[s]", "values", [1.0, None]),
        ([1, None, float("nan"), "x"], "object", "values", [1, None, float("nan"), "x"]),
    ],
)
def test_of_pandas_what_is_absent_is_none_and_all_else_is_exact(
    values: list[Any], dtype: str, type_: str, become: list[Any]
) -> None:
    pandas = pytest.importorskip("pandas")
    check(pandas.Series(values, dtype=dtype), type_, become)
    check(pandas.Index(values, dtype=dtype), type_, become)
    check(pandas.array(values, dtype=dtype) if dtype != "object" else pandas.Series(values, dtype=dtype), type_, become)


def test_of_a_frame_each_column_keeps_its_type() -> None:
    pandas = pytest.importorskip("pandas")
    check(
        pandas.DataFrame({"a": pandas.Series([LARGE, None], dtype="Int64"), "b": [1.5, 2.5]}),
        "values",
        [[LARGE, 1.5], [None, 2.5]],
    )
    check(pandas.DataFrame({"a": [LARGE], "b": [1.5]}), "values", [[LARGE, 1.5]])
    check(pandas.DataFrame({"a": [1.5], "b": [2.5]}), "float64", [[1.5, 2.5]])
    check(polars.DataFrame({"a": [LARGE, None]}), "values", [[LARGE], [None]])


@pytest.mark.parametrize(
    ("column", "type_", "become"),
    [
        (polars.Series([LARGE, None]), "values", [LARGE, None]),
        (polars.Series([LARGE]), "int64", [LARGE]),
        (polars.Series([1.5, None]), "values", [1.5, None]),
        (polars.Series([True, None]), "values", [True, None]),
        (polars.Series([True, False]), "bool", [True, False]),
        (polars.Series(["a", None]), "values", ["a", None]),
        (polars.Series(["a", None], dtype=polars.Categorical), "values", ["a", None]),
        (polars.Series([DAY, None]), "values", ["2026-01-02T03:00:00.000000+00:00", None]),
        (polars.Series([[1, 2], None]), "values", [[1, 2], None]),
        (pyarrow.array([LARGE, None]), "values", [LARGE, None]),
        (pyarrow.chunked_array([[LARGE], [None]]), "values", [LARGE, None]),
        (pyarrow.chunked_array([[LARGE], [1]]), "int64", [LARGE, 1]),
        (pyarrow.array([True, False]), "bool", [True, False]),
        (pyarrow.array([1.5, None]), "values", [1.5, None]),
        (pyarrow.array(["a", None]).dictionary_encode(), "values", ["a", None]),
        (pyarrow.array([DAY, None], pyarrow.timestamp("us")), "values", ["2026-01-02T03:00:00.000000+00:00", None]),
        (np.ma.masked_array([LARGE, 1], mask=[False, True]), "values", [LARGE, None]),
    ],
)
def test_of_polars_and_arrow_too(column: Any, type_: str, become: list[Any]) -> None:
    check(column, type_, become)


def test_log_many_and_append_many_keep_a_large_integer_beside_a_gap(direct: DirectExperiment) -> None:
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([LARGE, None], dtype="Int64")
    direct.metrics("m").log_many(x=column, _ts=pandas.Series([1, 2], dtype="Int64"))
    direct.tracks("t").append_many(x=column, _ts=polars.Series([1, 2]))
    assert [point["data"] for point in direct.metrics("m").read()["data"]] == [
        {"x": LARGE, "_ts": 1},
        {"x": None, "_ts": 2},
    ]
    assert direct.tracks("t").list_entries() == [{"timestamp": 1.0, "x": LARGE}, {"timestamp": 2.0, "x": None}]
    with pytest.raises(ValueError, match="_ts must be numeric"):
        direct.metrics("m").log_many(x=column, _ts=column)
