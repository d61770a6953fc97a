"""Summaries say of a field what a plain loop over its points says."""

import math
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mldash_compactor.chunks.summaries import BLOCK_ROWS, FIELD_LIMIT, summarise
from mldash_ingest.documents.columns import ABSENT, Column, pack_events, pack_sparse

FIRST = 30_000

numbers = st.floats() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([math.inf, -math.inf, math.nan, 0, -0.0])
columns = (
    st.lists(st.just(ABSENT) | st.floats(), min_size=1, max_size=40)
    | st.lists(st.just(ABSENT) | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=40)
    | st.lists(st.just(ABSENT) | numbers | st.none() | st.text(max_size=2) | st.booleans(), min_size=1, max_size=40)
)


def by_a_loop(values: list[Any], first: int) -> dict[str, Any] | None:
    found = [(row, value) for row, value in enumerate(values) if type(value) in (int, float)]
    if not found:
        return None
    whole = all(type(value) is int for _, value in found)
    found = [(row, value if whole else float(value)) for row, value in found]
    kept = [(row, value) for row, value in found if value == value]
    low = min(kept, key=lambda one: one[1], default=None)
    high = max(kept, key=lambda one: one[1], default=None)
    return {
        "count": len(kept),
        "nan_count": len(found) - len(kept),
        "spots": [
            None if spot is None else (first + spot[0], first + spot[0] + 0.5, spot[1])
            for spot in (kept[0] if kept else None, kept[-1] if kept else None, low, high)
        ],
    }


def times(rows: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.arange(rows) + FIRST + 0.5


@given(columns, st.integers(1, 60))
def test_a_summary_is_what_a_loop_over_the_points_finds(values: list[Any], repeats: int) -> None:
    values = values * repeats
    if all(value is ABSENT for value in values):
        return
    summaries, blocks = summarise([pack_sparse("x", values)], times(len(values)), FIRST)
    expected = by_a_loop(values, FIRST)
    assert bool(summaries) == (expected is not None)
    if expected is None:
        return
    [summary] = summaries
    spots = [
        None if spot is None else (spot.index, spot.time, spot.value)
        for spot in (summary.first, summary.last, summary.min, summary.max)
    ]
    assert (summary.count, summary.nan_count) == (expected["count"], expected["nan_count"])
    assert spots == expected["spots"]
    assert all(type(spot.value) is (int if blocks[0].integer else float) for spot in (summary.first,) if spot)
    records = blocks[0].array()
    assert len(records) == -(-len(values) // BLOCK_ROWS)
    for number, record in enumerate(records):
        part = by_a_loop(values[number * BLOCK_ROWS : (number + 1) * BLOCK_ROWS], number * BLOCK_ROWS)
        assert record["count"] == (part["count"] if part else 0)
        if part and part["count"]:
            places = [(record[f"{place}_row"], record[place]) for place in ("first", "last", "min", "max")]
            if not blocks[0].integer:
                part["spots"] = [(row, time, float(value)) for row, time, value in part["spots"]]
            assert places == [(row, value) for row, _, value in part["spots"]]


def test_the_first_256_numeric_fields_have_one() -> None:
    names = [f"f{number}" for number in range(400)]
    many = [Column("text", "values", b"\x91\xa1x"), *(pack_sparse(name, [1.5]) for name in names)]
    assert [one.name for one in summarise(many, times(1), 0)[0]] == names[:FIELD_LIMIT]
    whole = [pack_events([{"text": "x"}, dict.fromkeys(names, 2)])]
    assert [one.name for one in summarise(whole, times(2), 0)[0]] == names[:FIELD_LIMIT]


def test_lists_bools_and_text_have_none() -> None:
    vectors = Column("v", "float64", np.zeros(6).tobytes(), None, (3,))
    others = [vectors, pack_sparse("b", [True, False]), pack_sparse("t", ["a", None])]
    assert summarise(others, times(2), 0) == ([], [])


def test_infinities_of_both_signs_have_no_sum_and_no_warning() -> None:
    [summary], _ = summarise([pack_sparse("x", [math.inf, -math.inf, 1.0])], times(3), 0)
    assert math.isnan(summary.sum)
    assert summary.count == 3
