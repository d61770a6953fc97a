"""Statistics of packed columns are those of their values, to the last bit."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.field_statistics import FieldStatistics, is_number
from mldash_ingest.documents.column_statistics import add_column, add_columns, numbers_in
from mldash_ingest.documents.columns import Column, pack

long = {"min_size": 40, "max_size": 120}
floats: Any = st.lists(st.floats(), **long)  # type: ignore[arg-type]
integers: Any = st.lists(st.integers(-(2**63), 2**63 - 1), **long)  # type: ignore[arg-type]
mixed: Any = st.lists(st.floats() | st.booleans() | st.none() | st.integers(-(2**63), 2**63 - 1), **long)  # type: ignore[arg-type]


@given(st.lists(floats | integers | mixed, min_size=1, max_size=3))
def test_a_column_at_once_is_its_values_one_by_one(batches: list[list[Any]]) -> None:
    at_once, singly = FieldStatistics(), FieldStatistics()
    for batch in batches:
        column = pack("a", batch)
        assert numbers_in(column) == any(map(is_number, batch))
        if column.type != "bool":
            add_column(at_once, column)
        for value in batch:
            if is_number(value):
                singly.add([value])
    assert repr(at_once) == repr(singly)


@given(st.lists(st.lists(st.floats(), min_size=60, max_size=60), min_size=1, max_size=4))
def test_columns_together_are_columns_one_by_one(columns: list[list[float]]) -> None:
    together, singly = [FieldStatistics(sum=0.1) for _ in columns], [FieldStatistics(sum=0.1) for _ in columns]
    add_columns(zip(together, [pack("a", values) for values in columns], strict=True))
    for one, values in zip(singly, columns, strict=True):
        one.add(values)
    assert repr(together) == repr(singly)


def test_integers_beyond_64_bits_count_as_the_nearest_float() -> None:
    """Only a stranger's producer sends them; MongoDB could not hold them."""
    found = FieldStatistics()
    add_column(found, Column("a", "values", msgspec.msgpack.encode([2**64 - 1])))
    assert (type(found.max), found.max) == (float, float(2**64 - 1))


def test_lists_of_numbers_are_no_numbers() -> None:
    assert not numbers_in(Column("a", "float64", bytes(24), None, (3,)))
