"""Runs in groups, and what is said over the runs of one, against plain NumPy column by column."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mldash_api.charts.groups import OVER, PIECE_COLUMNS, RESAMPLES, SEED, groups_of, over_runs
from mldash_api.search.grouping import statistics_of


def plain(column: NDArray[np.float64]) -> dict[str, float]:
    """Of the runs that have a number in one column."""
    known = column[~np.isnan(column)]
    n, none = len(known), math.nan
    if not n:
        return {"count": 0, **dict.fromkeys(("mean", "median", "min", "max", "se", "low", "high"), none)}
    found: dict[str, float] = {"count": n, "mean": known.mean(), "median": np.median(known)}
    found |= {"min": known.min(), "max": known.max(), "se": none, "low": none, "high": none}
    if n > 1:
        found["se"] = known.std(ddof=1) / math.sqrt(n)
        drawn = np.random.default_rng(SEED).integers(0, n, (RESAMPLES, n), np.int32)
        found["low"], found["high"] = np.percentile(known[drawn].mean(axis=1), (2.5, 97.5))
    return found


@pytest.mark.parametrize("runs", [1, 2, 3, 8, 40])
def test_each_column_says_what_numpy_says_of_the_runs_that_have_a_number(runs: int) -> None:
    draw = np.random.default_rng(runs)
    values = draw.normal(3, 10, (runs, 60))
    values[draw.random(values.shape) < draw.choice([0.0, 0.3, 0.9], 60)] = np.nan
    found = over_runs(values, OVER)
    for column in range(60):
        for name, expected in plain(values[:, column]).items():
            assert found[name][column] == pytest.approx(expected, rel=1e-12, abs=1e-12, nan_ok=True), name


def test_infinities_are_numbers_and_nothing_warns() -> None:
    values = np.array([[math.inf, math.inf, 1.0, math.nan], [1.0, -math.inf, 1.0, math.nan], [2.0, 0.0, 1.0, math.nan]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = over_runs(values, OVER)
    assert found["mean"].tolist()[:1] == [math.inf] and math.isnan(found["mean"][1])
    assert (found["median"].tolist()[:3], found["max"].tolist()[:3]) == ([2, 0, 1], [math.inf, math.inf, 1])
    assert (found["low"][2], found["high"][2], found["se"][2]) == (1, 1, 0)
    assert found["count"].tolist() == [3, 3, 3, 0]


def test_the_interval_is_that_of_a_search_for_the_same_values() -> None:
    values = np.random.default_rng(9).normal(size=25)
    searched, found = statistics_of(values), over_runs(values[:, None], ["ci"])
    assert (found["low"][0], found["high"][0]) == pytest.approx((searched["low"], searched["high"]), rel=1e-12)


def test_runs_with_the_same_values_are_one_group_in_the_order_of_the_values() -> None:
    missing: dict[str, Any] = {}
    told: list[Any] = ["b", 10, True, None, 1, "a", math.nan, 1.0, [1, 2], False, math.nan, 2**60, 2**60 + 1]
    found = groups_of([{"p": value} for value in told] + [missing], ["p"])
    assert [one.runs for one in found] == [
        [4, 7],
        [1],
        [11],
        [12],
        [9],
        [2],
        [5],
        [0],
        [8],
        [6, 10],
        [3],
        [13],
    ]
    assert found[0].values == {"p": 1} and found[-1].values == {}


def test_groups_within_each_other_are_one_level_of_pairs() -> None:
    runs = [{"lr": 1, "model": "b"}, {"lr": 1, "model": "a"}, {"lr": 0.1, "model": "b"}, {"lr": 1, "model": "b"}]
    found = groups_of(runs, ["model", "lr"])
    assert [(one.values["model"], one.values["lr"], one.runs) for one in found] == [
        ("a", 1, [1]),
        ("b", 0.1, [2]),
        ("b", 1, [0, 3]),
    ]


@pytest.mark.parametrize("columns", [PIECE_COLUMNS, PIECE_COLUMNS + 1, 2 * PIECE_COLUMNS + 1, 3 * PIECE_COLUMNS + 333])
def test_an_interval_is_the_same_to_the_bit_however_many_columns_there_are(columns: int) -> None:
    """Some columns have an infinity, some lack a run."""
    draw = np.random.default_rng(columns)
    values = draw.normal(3, 10, (8, columns))
    values[0, draw.random(columns) < 0.01] = math.inf
    values[7, draw.random(columns) < 0.4] = math.nan
    found = over_runs(values, ("ci",))
    low, high = at_once(values)
    assert found["low"].tobytes() == low.tobytes() and found["high"].tobytes() == high.tobytes()


def at_once(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """All columns with the same runs by one multiplication."""
    there = ~np.isnan(values)
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    patterns, which = np.unique(there, axis=1, return_inverse=True)
    for number in range(patterns.shape[1]):
        runs, columns = patterns[:, number], np.flatnonzero(which.reshape(-1) == number)
        n = int(runs.sum())
        drawn = np.random.default_rng(SEED).integers(0, n, (RESAMPLES, n), np.int32)
        weights = np.stack([np.bincount(line, minlength=n) for line in drawn]).astype(np.float64)
        own = values[np.ix_(runs, columns)]
        finite = np.isfinite(own).all(axis=0)
        means = np.empty((RESAMPLES, len(columns)))
        means[:, finite] = weights @ own[:, finite] / n
        for column in np.flatnonzero(~finite):
            means[:, column] = own[:, column][drawn].mean(axis=1)
        with np.errstate(invalid="ignore"):  # of infinities
            low[columns], high[columns] = np.percentile(means, (2.5, 97.5), axis=0)
    return low, high
