"""Entries at times of one's own: the last one at or before is held."""

from bisect import bisect_right

from hypothesis import given
from hypothesis import strategies as st

from mldash.answers.resample import grid, held

TIMES = st.lists(st.integers(-50, 50), unique=True, max_size=20).map(sorted)


@given(TIMES, TIMES)
def test_each_time_has_the_last_entry_at_or_before(entry_times: list[int], times: list[int]) -> None:
    entries = [{"timestamp": float(at), "of": at} for at in entry_times]
    expected = [
        {"timestamp": time, "of": entry_times[bisect_right(entry_times, time) - 1]}
        for time in times
        if entry_times and entry_times[0] <= time
    ]
    assert list(held(entries, times)) == expected


def test_a_grid_reaches_from_start_to_end_and_its_errors_do_not_add_up() -> None:
    assert list(grid(1.0, 2.0, 4)) == [1.0, 1.25, 1.5, 1.75, 2.0]
    assert list(grid(5.0, 4.0, 10)) == []
    assert max(grid(0.0, 10_000.0, 10)) == 10_000.0
