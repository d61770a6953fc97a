"""The one table of types agrees with the libraries that it names, and what is packed comes back as it was."""

import struct
from array import array
from typing import Any, get_args

import numpy
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.column_types import (
    ARRAY_CODES,
    EXACT_INT,
    FACTS,
    FLOATS,
    MAX_INT,
    MIN_INT,
    NUMBERS,
    OF_PYTHON,
    ColumnType,
    PackedType,
    common_type,
    pack_numbers,
    shaped,
    unpack_numbers,
    value_bytes,
)

VALUES = st.one_of(st.floats(allow_nan=False), st.integers(-(2**64), 2**64), st.booleans(), st.none(), st.text())
ALIKE = st.one_of(
    *(st.lists(of, min_size=1) for of in (st.floats(allow_nan=False), st.integers(MIN_INT, MAX_INT), st.booleans()))
)


@pytest.mark.parametrize("name", FACTS)
def test_each_type_is_what_numpy_arrow_and_struct_call_so(name: PackedType) -> None:
    facts = FACTS[name]
    assert numpy.dtype(facts.dtype) == numpy.dtype(name).newbyteorder("<")
    assert numpy.dtype(name).itemsize == struct.calcsize(f"<{facts.code}") == facts.width
    assert pyarrow.type_for_alias(name) == pyarrow.from_numpy_dtype(numpy.dtype(name))
    assert type(numpy.zeros(1, facts.dtype)[0].item()) is facts.python
    if name in ARRAY_CODES:
        assert array(facts.code).itemsize == facts.width


def test_the_table_has_every_packed_type_and_no_other() -> None:
    assert tuple(FACTS) == get_args(PackedType)
    assert get_args(ColumnType) == (*FACTS, "values")
    assert {"float64", "float32", "int64"} == NUMBERS
    assert {"float64", "float32"} == FLOATS
    assert {float: "float64", int: "int64", bool: "bool"} == OF_PYTHON


def test_the_bounds_are_those_of_int64_and_of_float64() -> None:
    assert (numpy.iinfo(numpy.int64).min, numpy.iinfo(numpy.int64).max) == (MIN_INT, MAX_INT)
    assert float(EXACT_INT) == EXACT_INT
    assert float(EXACT_INT + 1) != EXACT_INT + 1


@given(ALIKE)
def test_what_is_packed_comes_back_with_its_type(values: list[Any]) -> None:
    kind = common_type(values)
    assert kind is not None
    data = pack_numbers(kind, values)
    assert len(data) == len(values) * value_bytes(kind, ())
    found = unpack_numbers(kind, data)
    assert list(found) == values
    assert set(map(type, found)) == set(map(type, values))


@given(st.lists(VALUES))
def test_values_are_packed_only_where_all_are_of_one_type_that_holds_them(values: list[Any]) -> None:
    kinds = set(map(type, values))
    fits = len(kinds) == 1 and kinds <= {float, int, bool}
    if kinds == {int}:
        fits = all(MIN_INT <= value <= MAX_INT for value in values)
    assert (common_type(values) is not None) == fits


def test_a_value_of_a_shape_is_a_list_of_lists() -> None:
    assert shaped(array("q", range(12)), (2, 3)) == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]
    assert shaped([True, False], ()) == [True, False]
    assert value_bytes("float32", (2, 3)) == 24
