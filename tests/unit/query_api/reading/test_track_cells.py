"""A track on pixel columns, compared with a fold in plain Python."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mldash.answers.pixel_columns import Span
from mldash_api.charts.cells import STATISTICS, Statistic
from mldash_api.charts.shape import even_shape
from mldash_api.charts.tracks import cells
from mldash_api.charts.tracks.asking import AskedTrackGrid
from mldash_api.charts.tracks.cells import TrackCells, TrackGrid
from mldash_api.charts.tracks.numbers import pieces_of
from mldash_api.errors import AnswerTooLarge

_VALUES = st.one_of(
    st.integers(-5, 5), st.sampled_from([math.nan, math.inf, -math.inf, "text", None, True]), st.floats(-1e6, 1e6)
)
_FIELDS = st.fixed_dictionaries({}, optional={"x": _VALUES, "q": st.lists(st.integers(-3, 3), max_size=3)})
_TRACKS = st.dictionaries(st.integers(0, 200), _FIELDS, max_size=80).map(
    lambda track: [{"timestamp": time / 4, **track[time]} for time in sorted(track)]
)
Entry = dict[str, Any]


def gridded(entries: list[Entry], columns: int, cuts: list[int], *, has_path: bool = True) -> TrackGrid:
    """Of entries that come in pieces which end at these places."""
    asked = AskedTrackGrid(["x", "q"], None, None, columns, STATISTICS, has_path)
    if not entries:
        return asked.nothing()
    span = asked.span(entries[0]["timestamp"], entries[-1]["timestamp"])
    assert span is not None
    cells, first = asked.cells(span), 0
    for end in [*sorted(cuts), len(entries)]:
        for piece in pieces_of(entries[first:end], asked.fields):
            cells.add(piece)
        first = max(first, end)
    return cells.answer(STATISTICS)


def number_in(entry: Entry, field: str, part: int | None) -> float:
    value = entry.get(field)
    if part is not None:
        value = value[part] if isinstance(value, list) and part < len(value) else None
    return value if type(value) is int or type(value) is float else math.nan


def column_of(grid: TrackGrid, time: float) -> int:
    edges = grid["edges"]
    return max(at for at in range(len(edges) - 1) if edges[at] <= time)


@example([{"timestamp": 0.0, "x": math.inf}, {"timestamp": 0.25, "x": -math.inf}], 1, [])
@example([{"timestamp": 0.0, "x": 1.7e308}, {"timestamp": 0.25, "x": 1.7e308}], 1, [])
@given(_TRACKS, st.integers(1, 40), st.lists(st.integers(0, 80), max_size=4))
def test_a_column_has_what_the_entries_in_it_hold(entries: list[Entry], columns: int, cuts: list[int]) -> None:
    grid = gridded(entries, columns, cuts)
    assert grid["fine"] == (len(entries) <= columns)
    assert sum(grid["entries"]) == grid["totalEntries"] == len(entries)
    for series in grid["series"]:
        held = [list[float]() for _ in grid["entries"]]
        for at, entry in enumerate(entries):
            held[at if grid["fine"] else column_of(grid, entry["timestamp"])].append(
                number_in(entry, series["field"], series["part"])
            )
        for at, values in enumerate(held):
            numbers = [value for value in values if not math.isnan(value)]
            told = {name: series["statistics"][name][at] for name in STATISTICS}
            assert (told["count"], told["missing"]) == (len(numbers), len(values) - len(numbers))
            assert (at in series["hides"]) == (0 < len(numbers) < len(values))
            expected: dict[Statistic, float] = (
                {"least": min(numbers), "greatest": max(numbers), "first": numbers[0], "last": numbers[-1]}
                if numbers
                else {"least": math.nan, "greatest": math.nan, "first": math.nan, "last": math.nan, "mean": math.nan}
            )
            for name, value in expected.items():
                np.testing.assert_equal(told[name], float(value))
            if numbers and all(map(math.isfinite, numbers)):
                assert told["mean"] == pytest.approx(sum(numbers) / len(numbers), rel=1e-12, abs=1e-9)


@given(_TRACKS, st.integers(1, 20), st.lists(st.integers(0, 80), max_size=4))
def test_a_path_keeps_the_entries_with_the_extremes_however_they_come(
    entries: list[Entry], columns: int, cuts: list[int]
) -> None:
    grid = gridded(entries, columns, cuts)
    path = grid["path"]
    assert path is not None
    leaves = [(series["field"], series["part"]) for series in grid["series"]]
    there = [entry for entry in entries if entry.keys() & {"x", "q"}]
    if grid["fine"]:
        wanted = {entry["timestamp"] for entry in there}
    else:
        wanted = set[float]()
        for at in range(len(grid["entries"])):
            wanted |= kept_of([entry for entry in there if column_of(grid, entry["timestamp"]) == at], leaves)
    assert path["timestamps"] == sorted(wanted)
    by_time = {entry["timestamp"]: entry for entry in entries}
    for leaf, values in zip(leaves, path["values"], strict=True):
        np.testing.assert_equal(values, [float(number_in(by_time[time], *leaf)) for time in path["timestamps"]])


def kept_of(entries: list[Entry], leaves: list[tuple[str, int | None]]) -> set[float]:
    """The rule as docs/http.md says it, of one column."""
    if not entries:
        return set()
    found = {entries[0]["timestamp"], entries[-1]["timestamp"]}
    for leaf in leaves:
        numbers = [(number_in(entry, *leaf), entry["timestamp"]) for entry in entries]
        found |= {time for value, time in numbers if math.isnan(value)} and {
            next(time for value, time in numbers if math.isnan(value))
        }
        there = [(value, time) for value, time in numbers if not math.isnan(value)]
        if there:
            found |= {min(there)[1], min((-value, time) for value, time in there)[1]}
    return found


def test_what_an_answer_would_hold_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [{"timestamp": float(at), "x": at, "q": [at] * 3} for at in range(100)]
    monkeypatch.setattr(cells, "MOST_GRID_CELLS", 10 * 4)
    assert len(gridded(entries, 10, [], has_path=False)["series"]) == 4
    with pytest.raises(AnswerTooLarge):
        gridded(entries, 10, [])


def test_a_track_of_one_time_and_one_without_entries_are_drawn() -> None:
    one = gridded([{"timestamp": 5.0, "x": 1}], 100, [])
    assert (one["edges"], one["entries"], one["fine"]) == ([5.0, 5.0], [1], True)
    none = TrackCells(even_shape(Span(0.0, 0.0), 9), 9, has_path=True).answer(STATISTICS)
    assert (none["edges"], none["series"], none["path"]) == ([], [], {"timestamps": [], "values": []})
