"""What a filter says, and what it refuses."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.filters import COMPARISONS, Filter, checked_filters, parse_filter
from tests.unit.producer.strategies import texts


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("loss < 0.5", ("loss", "<", 0.5)),
        ("loss<=-1e-3", ("loss", "<=", -1e-3)),
        ("  train/loss  >=  2 ", ("train/loss", ">=", 2.0)),
        ("a<b == 1", ("a<b", "==", 1.0)),
        ("a == b != inf", ("a == b", "!=", math.inf)),
        ('"loss " > 1', ("loss ", ">", 1.0)),
        ('"" > 1', ("", ">", 1.0)),
        ("$where > 1", ("$where", ">", 1.0)),
        ("two\nlines > 1", ("two\nlines", ">", 1.0)),
    ],
)
def test_a_filter_is_a_field_a_comparison_and_a_number(text: str, meant: tuple[str, str, float]) -> None:
    assert parse_filter(text) == Filter(*meant)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("loss", "is no filter: write a field"),
        ("< 1", "is no filter"),
        ("loss = 1", "is no filter"),
        ("loss < high", "'high' is no number"),
        ("loss <", "'' is no number"),
        ("loss < nan", "nothing compares with NaN"),
        ('"loss > 1', "is a JSON string"),
    ],
)
def test_what_is_no_filter_is_refused_by_name(text: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        checked_filters(["a < 1", text])


@given(texts, st.sampled_from(list(COMPARISONS)), st.floats(allow_nan=False))
def test_any_field_can_be_named(field: str, comparison: str, number: float) -> None:
    assert parse_filter(f"{json.dumps(field)} {comparison} {number!r}") == Filter(field, comparison, number)


@pytest.mark.parametrize("value", [None, True, "1", math.nan, [1.0], {"a": 1}])
def test_what_is_no_number_never_passes(value: Any) -> None:
    assert not any(Filter("a", comparison, 1.0).passes(value) for comparison in COMPARISONS)


def test_none_one_or_several() -> None:
    assert checked_filters(None) == []
    assert checked_filters("a < 1") == checked_filters(["a < 1"]) == [Filter("a", "<", 1.0)]
