"""Where a track is cut in windows, and rows that are cut out of their part."""

import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mldash_api.seam.rows import Rows, alone, cut, events_of
from mldash_api.tracks.windows import Span, window_ends

from .parts import part_of

spans = st.lists(
    st.tuples(
        st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0]), st.floats(0, 1e6) | st.just(0.0), st.integers(1, 500)
    ).map(lambda one: Span(one[0], one[0] + one[1], one[2])),
    min_size=1,
    max_size=12,
)
values = st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3) | st.none() | st.just([1.0, 2.0])
events = st.lists(st.dictionaries(st.sampled_from("abc"), values, max_size=3), min_size=1, max_size=20)


def test_a_track_written_in_time_order_is_cut_where_its_chunks_end() -> None:
    chunks = [Span(k * 100.0, k * 100.0 + 99.99, 10_000) for k in range(20)]
    assert window_ends(chunks, 50_000) == [chunks[k].last for k in (4, 9, 14)]
    assert window_ends(chunks[:5], 50_000) == []


@example([Span(0.0, 0.0, 1), Span(0.0, 1.0, 1), Span(0.0, 4.8e-77, 1), Span(0.0, 6.4e-248, 1)], 1)  # 1 / width
@given(spans, st.integers(1, 400))
def test_ends_rise_and_leave_something_behind_the_last(drawn: list[Span], rows: int) -> None:
    ends = window_ends(drawn, rows)
    assert all(before < after for before, after in pairwise(ends))
    assert all(min(one.first for one in drawn) <= end < max(one.last for one in drawn) for end in ends)
    assert len(ends) <= sum(one.rows for one in drawn) // rows


def test_windows_of_overlapping_spans_hold_about_as_many_as_wanted() -> None:
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    drawn, times = list[Span](), list[float]()
    for _ in range(50):
        first = draw.uniform(0, 1000)
        last = first + draw.uniform(1, 300)
        drawn.append(Span(first, last, 1_000))
        times += [first, last, *(draw.uniform(first, last) for _ in range(998))]
    ends = [-float("inf"), *window_ends(drawn, 5_000), float("inf")]
    held = [sum(before < time <= after for time in times) for before, after in pairwise(ends)]
    assert sum(held) == 50_000
    assert all(4_000 < count < 6_000 for count in held[:-1]), (seed, held)


def test_times_as_far_apart_as_floats_go_are_cut_where_something_is_known() -> None:
    assert window_ends([Span(-1.7e308, 1.7e308, 10_000), Span(0.0, 0.0, 10_000)], 5_000) == [0.0]
    assert window_ends([Span(-1.7e308, 1.7e308, 10_000)], 5_000) == []


@given(events, st.data())
def test_rows_cut_out_of_a_part_are_the_same_rows(drawn: list[dict[str, Any]], data: st.DataObject) -> None:
    part = part_of(drawn)
    start = data.draw(st.integers(0, len(drawn)))
    rows = Rows(part, start, data.draw(st.integers(start, len(drawn))))
    made = cut(rows)
    assert events_of(Rows(made, 0, rows.count)) == events_of(rows) == drawn[rows.start : rows.stop]
    assert list(alone(rows).times()) == list(rows.times())
    assert events_of(alone(rows)) == events_of(rows)


@pytest.mark.parametrize("wide", [2_001])
def test_whole_events_are_cut_too(wide: int) -> None:
    drawn = [{f"f{at}": at for at in range(wide)}, {"a": 1}, {"b": 2}]
    assert events_of(Rows(cut(Rows(part_of(drawn), 1, 3)), 0, 2)) == drawn[1:]
