"""Which values share a Parquet type, and which are kept as MessagePack."""

import math
from typing import Any

import pytest

from mldash_compactor.chunks.parquet.mixed_types import classify


@pytest.mark.parametrize(
    ("values", "kind", "shape", "nulls"),
    [
        ([1.0, math.nan], "float64", (), "absent"),
        ([1, -(2**63)], "int64", (), "absent"),
        ([1, 2**63], "values", (), "absent"),
        ([True, False], "bool", (), "absent"),
        (["a", ""], "string", (), "absent"),
        (["a", None], "string", (), "none"),
        ([None, 1.0], "float64", (), "none"),
        ([None, None], "none", (), "none"),
        ([1, 1.0], "numbers", (), "absent"),
        ([2**53, -(2**53), -0.0, None], "numbers", (), "none"),
        ([2**53 + 1, 1.0], "values", (), "absent"),
        ([1, 1.0, True], "values", (), "absent"),
        ([1, 1.0, "1"], "values", (), "absent"),
        ([1, True], "values", (), "absent"),
        ([b"x"], "values", (), "absent"),
        ([{"a": 1}], "values", (), "absent"),
        ([[1.0, 2.0], [3.0, 4.0]], "float64", (2,), "absent"),
        ([[1.0, 2.0], None], "float64", (2,), "none"),
        ([[1, 2], [3]], "values", (), "absent"),
        ([[1, 2.0]], "numbers", (2,), "absent"),
        ([[1, 2.0], None], "numbers", (2,), "none"),
        ([[1, True]], "values", (), "absent"),
        ([[1, 2**64]], "values", (), "absent"),
        ([[]], "values", (), "absent"),
        ([[[1.0], [2.0], [3.0]]], "float64", (3, 1), "absent"),
        ([[[1.0], [2.0, 3.0]]], "values", (), "absent"),
        ([[["a"]]], "values", (), "absent"),
    ],
)
def test_a_column_is_typed_where_all_values_are_of_one_type(
    values: list[Any], kind: str, shape: tuple[int, ...], nulls: str
) -> None:
    typed = classify(values, sparse=False)
    assert (typed.type, typed.shape, typed.nulls) == (kind, shape, nulls)


def test_none_beside_absence_is_kept_apart_from_it() -> None:
    assert classify([None, 1.0], sparse=True)[:3] == ("float64", (), "marked")
    assert classify([None, "a"], sparse=True)[:3] == ("string", (), "marked")
    assert classify([None, b"a"], sparse=True)[:3] == ("values", (), "absent")
