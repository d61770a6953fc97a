"""The demo's judge: what it calls equal, and that it names every way in which something may not be."""

import importlib
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
POINTS = {0: [{"rank": 0, "step": 0, "loss": 0.5}, {"rank": 0, "step": 1, "loss": 0.4}], 1: [{"rank": 1, "step": 0}]}
FOUND = [
    {"index": 0, "data": {"rank": 0, "step": 0, "loss": 0.5}},
    {"index": 1, "data": {"rank": 1, "step": 0}},
    {"index": 2, "data": {"rank": 0, "step": 1, "loss": 0.4}},
]
LINES = {0: [("info", "begins", {"rank": 0}), ("warn", "slow", {"rank": 0, "step": 3})]}
READ = [
    {"sequenceNumber": 0, "timestamp": "…", "level": "info", "message": "begins", "metadata": {"rank": 0}},
    {"sequenceNumber": 1, "timestamp": "…", "level": "warn", "message": "slow", "metadata": {"rank": 0, "step": 3}},
]
ENTRIES = [{"timestamp": 0.5, "x": 1.0, "y": 2.0}, {"timestamp": 1.5, "x": 3.0}]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """examples/demo_comparison.py, imported as its neighbours import it."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    return importlib.import_module("demo_comparison")


@pytest.mark.parametrize("value", [1, 1.0, True, None, "a", -0.0, math.nan, math.inf, [1, [2.0]], {"a": [None]}, b"x"])
def test_a_value_is_the_same_as_itself(judge: ModuleType, value: Any) -> None:
    assert judge.same(value, value)


@pytest.mark.parametrize(
    "one, other", [(1, 1.0), (1, True), (0.0, -0.0), (None, 0), ("1", 1), ([1], [1.0]), ([1], [1, 1])]
)
def test_values_of_two_types_or_signs_differ(judge: ModuleType, one: Any, other: Any) -> None:
    assert not judge.same(one, other)
    assert not judge.same({"a": [one]}, {"a": [other]})


def test_points_of_all_ranks_in_any_interleaving_are_equal(judge: ModuleType) -> None:
    assert judge.points_differences("train", POINTS, FOUND) == []


@pytest.mark.parametrize(
    "found, expected",
    [
        (FOUND[:2], "of rank 0 1 are there, it logged 2"),
        ([*FOUND, {"index": 3, "data": {"rank": 1, "step": 0}}], "is point 1 of rank 1, which logged 1"),
        ([FOUND[0], FOUND[1], {**FOUND[2], "index": 3}], "index 3 stands where 2 should"),
        ([{**FOUND[2], "index": 0}, {**FOUND[1]}, {**FOUND[0], "index": 2}], "step is 1, it was 0"),
        ([FOUND[0], FOUND[1], {"index": 2, "data": {"rank": 0, "step": 1}}], "loss is missing"),
        ([FOUND[0], {"index": 1, "data": {"rank": 1, "step": 0.0}}, FOUND[2]], "step is 0.0, it was 0"),
        ([FOUND[0], {"index": 1, "data": {"rank": 1, "step": 0, "x": 1}}, FOUND[2]], "x is 1, nobody logged it"),
        ([FOUND[0], {"index": 1, "data": {"rank": 7}}, FOUND[2]], "is of rank 7, which logged nothing"),
    ],
)
def test_a_point_that_is_missing_repeated_moved_or_changed_is_named(
    judge: ModuleType, found: list[Any], expected: str
) -> None:
    assert expected in "\n".join(judge.points_differences("train", POINTS, found))


def test_only_some_differences_are_listed_and_the_rest_counted(judge: ModuleType) -> None:
    points = {0: [{"rank": 0, "step": step} for step in range(100)]}
    found = [{"index": step, "data": {"rank": 0, "step": -1}} for step in range(100)]
    listed = judge.points_differences("train", points, found)
    assert len(listed) == judge.LISTED + 1
    assert listed[-1] == "train: and 90 more"


def test_equal_entries_and_lines_are_equal(judge: ModuleType) -> None:
    assert judge.entries_differences("topic", ENTRIES, ENTRIES) == []
    assert judge.lines_differences(LINES, READ) == []


@pytest.mark.parametrize(
    "found, expected",
    [
        (ENTRIES[:1], "no entry at 1.5"),
        (ENTRIES[::-1], "not in time order"),
        ([ENTRIES[0], *ENTRIES], "1 timestamps are there twice"),
        ([*ENTRIES, {"timestamp": 9.0}], "an entry at 9.0 that nobody wrote"),
        ([{"timestamp": 0.5, "x": 1.0}, ENTRIES[1]], "y is missing"),
    ],
)
def test_an_entry_that_is_missing_repeated_or_not_merged_is_named(
    judge: ModuleType, found: list[Any], expected: str
) -> None:
    assert expected in "\n".join(judge.entries_differences("topic", ENTRIES, found))


@pytest.mark.parametrize(
    "found, expected",
    [
        (READ[:1], "of rank 0 1 are there, it logged 2"),
        ([READ[0], {**READ[1], "sequenceNumber": 2}], "sequence number 2 stands where 1 should"),
        ([READ[0], {**READ[1], "level": "error"}], "line 1 of rank 0"),
        ([READ[0], {**READ[1], "metadata": {"rank": 0, "step": 3.0}}], "line 1 of rank 0"),
    ],
)
def test_a_line_that_is_missing_moved_or_changed_is_named(judge: ModuleType, found: list[Any], expected: str) -> None:
    assert expected in "\n".join(judge.lines_differences(LINES, found))
