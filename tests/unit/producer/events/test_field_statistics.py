"""Statistics of a field do not depend on where its values were cut into batches."""

import math

from hypothesis import given
from hypothesis import strategies as st

from mldash.events.field_statistics import FieldStatistics, is_number

numbers = st.lists(st.integers(-(2**63), 2**63 - 1) | st.floats(), max_size=30)


@given(numbers, st.lists(st.integers(0, 30), max_size=4))
def test_any_cuts_give_the_same(values: list[float], cuts: list[int]) -> None:
    whole, parts = FieldStatistics(), FieldStatistics()
    whole.add(values)
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(values)], strict=True):
        parts.add(values[start:stop])
    assert repr(whole) == repr(parts)


@given(numbers)
def test_values_that_are_no_nan_are_counted(values: list[float]) -> None:
    found = FieldStatistics()
    found.add(values)
    present = [value for value in values if value == value]
    assert (found.count, found.nan_count) == (len(present), len(values) - len(present))
    assert (found.min, found.max) == ((min(present), max(present)) if present else (None, None))
    if values:
        assert (repr(found.first), repr(found.last)) == (repr(values[0]), repr(values[-1]))


@given(numbers.filter(bool), st.integers(-5, 5))
def test_a_first_value_that_is_not_known_stays_so(values: list[float], last: int) -> None:
    """Somebody who kept none has counted before."""
    found = FieldStatistics(count=1, sum=float(last), min=last, max=last, last=last)
    found.add(values)
    assert found.first is None
    assert repr(found.last) == repr(values[-1])


def test_nan_is_counted_apart_and_may_be_the_last() -> None:
    found = FieldStatistics()
    found.add([1.0, math.nan])
    assert (found.count, found.sum, found.nan_count, found.mean) == (1, 1.0, 1, 1.0)
    assert found.last is not None
    assert math.isnan(found.last)
    assert FieldStatistics().mean is None


def test_numbers_are_int_and_float_and_not_bool() -> None:
    assert [is_number(value) for value in (1, 1.0, True, "1", None)] == [True, True, False, False, False]
