"""Columns of log_many and append_many: kept in their type where the wire has it, checked before anything is written."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.handles.bulk_columns import cut, entry_times, pack_column, pack_columns, pack_times
from mldash.handles.values import UnsupportedValue
from mldash.local.blocks import column_values
from tests.unit.producer.same import same
from tests.unit.producer.strategies import plain_values


def test_pieces_of_large_values_stay_small_and_one_value_above_the_limit_is_refused() -> None:
    count, packed = pack_columns({"text": ["x" * 300_000] * 20})
    pieces = cut(count, packed)
    assert sum(piece.count for piece in pieces) == 20
    assert max(len(piece.columns["text"].data) for piece in pieces) <= 1 << 20
    with pytest.raises(ValueError, match="at most 15728640 are allowed"):
        cut(*pack_columns({"text": ["small", "x" * (16 << 20)]}))


@pytest.mark.parametrize(
    ("column", "type_", "shape", "values"),
    [
        (np.array([1.5, -0.0]), "float64", (), [1.5, -0.0]),
        (np.array([1.5, 2.5], dtype=">f8"), "float64", (), [1.5, 2.5]),
        (np.array([0.5], dtype=np.float32), "float32", (), [0.5]),
        (np.array([0.5], dtype=np.float16), "float32", (), [0.5]),
        (np.array([1, 2], dtype=np.uint16), "int64", (), [1, 2]),
        (np.array([MIN_INT, MAX_INT]), "int64", (), [MIN_INT, MAX_INT]),
        (np.array([True, False]), "bool", (), [True, False]),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), "float64", (2,), [[1.0, 2.0], [3.0, 4.0]]),
        (np.arange(8).reshape(2, 2, 2), "int64", (2, 2), [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]),
        (np.arange(6.0)[::2], "float64", (), [0.0, 2.0, 4.0]),
        (np.array(["a", "b"]), "values", (), ["a", "b"]),
        (np.array(["2026-01-31"], dtype="datetime64[D]"), "values", (), ["2026-01-31"]),
        (np.empty((2, 0)), "values", (), [[], []]),
        (np.ma.masked_array([1.0, 2.0], mask=[True, False]), "values", (), [None, 2.0]),
        ([1, 2.0, True], "values", (), [1, 2.0, True]),
        ([np.float32(0.5), np.float32(1.5)], "float64", (), [0.5, 1.5]),
        (range(3), "int64", (), [0, 1, 2]),
        ((True, False), "bool", (), [True, False]),
        ([[1.0], [2.0]], "values", (), [[1.0], [2.0]]),
    ],
)
def test_columns_keep_their_type_where_the_wire_has_it(
    column: Any, type_: str, shape: tuple[int, ...], values: list[Any]
) -> None:
    packed = pack_column(column, "c")
    assert (packed.type, packed.shape, packed.count) == (type_, shape, len(values))
    assert same(list(column_values(packed.piece(0, len(values)))), values)
    assert same([packed.value(at) for at in range(len(values))], values)


def test_integers_beyond_64_bits_are_refused_in_arrays_too() -> None:
    with pytest.raises(UnsupportedValue, match="64 bits"):
        pack_column(np.array([2**63], dtype=np.uint64), "c")
    with pytest.raises(UnsupportedValue, match="64 bits"):
        pack_column([1, 2**63], "c")


@given(st.lists(plain_values, max_size=8))
def test_any_list_of_values_goes_through_a_column_and_comes_back(values: list[Any]) -> None:
    packed = pack_column(values, "c")
    assert same(list(column_values(packed.piece(0, packed.count))), values)


@pytest.mark.parametrize("times", [[1, 2], [1.0, 2.0], np.array([1, 2], dtype=np.float32), (np.int8(1), 2.0)])
def test_times_of_any_number_type_become_float64(times: Any) -> None:
    assert entry_times(pack_times(times)) == np.array([1.0, 2.0]).tobytes()


@pytest.mark.parametrize("times", [[1.0, float("nan")], [float("inf")], ["1"], [None], [object()], [[1.0]], [True]])
def test_times_that_are_no_finite_numbers_are_refused(times: Any) -> None:
    with pytest.raises(ValueError, match="_ts must be numeric"):
        entry_times(pack_times(times))
