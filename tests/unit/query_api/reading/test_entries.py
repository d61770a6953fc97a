"""The fold of a track over any parts, held against a plain dictionary."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mldash_api.errors import AnswerTooLarge
from mldash_api.seam.rows import Rows, rows_of_times
from mldash_api.tracks.entries import bounded, entries_of

from .parts import track_part

times = st.sampled_from([-1.0, -0.0, 0.0, 0.5, 1.0, 7.0, 8.0])
names = st.sampled_from(["m", "m.a", "timestamp", "_timestamp", "field:timestamp", ""])
fields = st.dictionaries(names, st.integers(0, 9) | st.none(), max_size=3)
entries = st.lists(st.tuples(times, fields), min_size=1, max_size=6)
parts = st.lists(entries, max_size=5)


def fold(drawn: list[list[tuple[float, dict[str, Any]]]]) -> list[dict[str, Any]]:
    found: dict[float, dict[str, Any]] = {}
    for time, one in (entry for part in drawn for entry in part):
        called = {"timestamp": "field:timestamp", "field:timestamp": "field:field:timestamp"}
        named = {called.get(name, name): value for name, value in one.items()}
        found.setdefault(time, {}).update(named)
    return [{"timestamp": time, **found[time]} for time in sorted(found)]


def rows_of(drawn: list[list[tuple[float, dict[str, Any]]]]) -> list[Rows]:
    made = [track_part(part) for part in drawn]
    return [Rows(part, 0, part.row_count) for part in made]


@given(parts)
def test_entries_are_the_fold_in_index_order(drawn: list[list[tuple[float, dict[str, Any]]]]) -> None:
    found = entries_of(rows_of(drawn))
    assert found == fold(drawn)
    assert all(str(one["timestamp"]) != "-0.0" for one in found)


@given(parts, st.lists(st.sampled_from(["m", "m.a", "_timestamp", "field:timestamp", "timestamp", "none"]), max_size=3))
def test_columns_are_these_alone_and_every_entry_stays(
    drawn: list[list[tuple[float, dict[str, Any]]]], columns: list[str]
) -> None:
    want = [{name: value for name, value in one.items() if name in [*columns, "timestamp"]} for one in fold(drawn)]
    assert entries_of(rows_of(drawn), columns) == want


@given(parts, times, times)  # also where the end lies before the start
def test_a_range_of_times_is_that_part_of_the_fold(
    drawn: list[list[tuple[float, dict[str, Any]]]], start: float, end: float
) -> None:
    rows = [rows_of_times(track_part(part), start, end) for part in drawn]
    want = [one for one in fold(drawn) if start <= one["timestamp"] <= end]
    assert entries_of([one for one in rows if one.count]) == want


@given(parts, st.integers(0, 8))
def test_a_limit_keeps_the_earliest_whole(drawn: list[list[tuple[float, dict[str, Any]]]], limit: int) -> None:
    assert entries_of(bounded(rows_of(drawn), limit, 100)) == fold(drawn)[:limit]


def test_more_than_is_allowed_is_refused_with_what_to_do() -> None:
    rows = rows_of([[(float(row), {}) for row in range(10)], [(float(row), {}) for row in range(10)]])
    assert bounded(rows, None, 10) == rows, "the same times twice are ten"
    with pytest.raises(AnswerTooLarge, match="would hold 10, at most 9 are allowed: give start and end, or limit"):
        bounded(rows, None, 9)
