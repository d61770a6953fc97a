"""Statistics of packed columns are those of their values, to the last bit."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from mldash.events.field_statistics import FieldStatistics, is_number
from mldash_ingest.documents.column_statistics import add_column, add_columns, first_numbers, numbers_in
from mldash_ingest.documents.columns import Column, columns_of_events, pack

long = {"min_size": 40, "max_size": 120}
single = st.floats() | st.booleans() | st.integers(-5, 5) | st.none()
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


@given(st.lists(st.dictionaries(st.sampled_from("abc"), single, max_size=3), min_size=1, max_size=70))
def test_the_first_numbers_of_columns_are_those_of_their_rows_and_of_statistics(events: list[dict[str, Any]]) -> None:
    expected = dict[str, Any]()
    for event in events:
        for name, value in event.items():
            if is_number(value) and name != "c":
                expected.setdefault(name, value)
    apart, whole = columns_of_events(events), [Column("", "events", msgspec.msgpack.encode(events))]
    for columns in (apart, whole):
        assert repr(sorted(first_numbers(columns, {"a", "b"}).items())) == repr(sorted(expected.items()))
    counted = [(FieldStatistics(), column) for column in apart if column.name != "c" and numbers_in(column)]
    add_columns(counted)
    assert repr(sorted((column.name, own.first) for own, column in counted)) == repr(sorted(expected.items()))


def test_integers_beyond_64_bits_count_as_the_nearest_float() -> None:
    """Only a stranger's producer sends them; MongoDB could not hold them."""
    found = FieldStatistics()
    add_column(found, Column("a", "values", msgspec.msgpack.encode([2**64 - 1])))
    assert (type(found.max), found.max) == (float, float(2**64 - 1))


def test_lists_of_numbers_are_no_numbers() -> None:
    assert not numbers_in(Column("a", "float64", bytes(24), None, (3,)))
