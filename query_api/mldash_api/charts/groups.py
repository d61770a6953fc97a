"""Statistics over the runs of a group in each pixel column of a grid, so that a chart draws a line and a band a group.

Of the runs of a group that have a number in the column, one value each (a statistic of the run's points there):

  mean, median, min, max  of these values
  se                      the standard error of their mean: the sample's standard deviation over the root of the count;
                          none of fewer than two
  ci                      `low` and `high`: the 95 % percentile bootstrap interval of their mean; none of fewer than two

The interval: RESAMPLES draws of n of n runs with replacement, by NumPy's default_rng(SEED).integers(0, n, (RESAMPLES,
n), int32), run i being the i-th of those that have a number, in the order in which they were asked for; percentiles 2.5
and 97.5 of the means of the draws, linear between neighbours. As search/grouping.py has it, so that the same values
give the same interval.

Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from mldash.answers.kept_points import Floats

Over = Literal["mean", "median", "min", "max", "se", "ci"]
OVER: Final[tuple[Over, ...]] = get_args(Over)
RESAMPLES: Final = 1_000
SEED: Final = 16
PIECE_COLUMNS: Final = 1_000
"""Of so many pixel columns, and fewer than twice, the means of all draws are in memory together."""
_PERCENTILES: Final = (2.5, 97.5)
_TWO: Final = 2


class Group(NamedTuple):
    """`values`: of the fields that the group is by, those that its runs have; `runs`: places among those asked for."""

    values: dict[str, Any]
    runs: list[int]


def groups_of(found: Sequence[Mapping[str, Any]], by: Sequence[str]) -> list[Group]:
    """Of runs with these values, in the order of the values: numbers (1 and 1.0 are one), false and true, text, lists,
    NaN, null, and what is missing last."""
    groups = dict[tuple[Any, ...], Group]()
    for run, values in enumerate(found):
        key = tuple(_key(values, name) for name in by)
        own = {name: values[name] for name in by if name in values}
        groups.setdefault(key, Group(own, [])).runs.append(run)
    return [groups[key] for key in sorted(groups)]


def _key(values: Mapping[str, Any], name: str) -> tuple[int, Any]:
    if name not in values:
        return 6, 0
    value = values[name]
    if value is None:
        return 5, 0
    if isinstance(value, bool):
        return 1, value
    if isinstance(value, int | float):
        return (0, value) if value == value else (4, 0)
    return (2, value) if isinstance(value, str) else (3, repr(value))


def over_runs(values: Floats, over: Iterable[Over]) -> dict[str, Floats]:
    """`values`: a line a run, some, and a column a pixel column, NaN where it has no number. `count`, of the runs that
    have one, is always there."""
    there = ~np.isnan(values)
    count = there.sum(axis=0)
    found = dict[str, Floats]()
    with np.errstate(all="ignore"):
        mean = np.where(there, values, 0.0).sum(axis=0) / count
        for one in over:
            if one == "mean":
                found[one] = mean
            elif one == "median":
                found[one] = _median(values, count)
            elif one == "min":
                found[one] = np.fmin.reduce(values, axis=0)
            elif one == "max":
                found[one] = np.fmax.reduce(values, axis=0)
            elif one == "se":
                squares = np.where(there, (values - mean) ** 2, 0.0).sum(axis=0)
                found[one] = np.where(count < _TWO, np.nan, np.sqrt(squares / (count - 1) / count))
            else:
                found["low"], found["high"] = _intervals(values, there)
    found["count"] = count.astype(np.float64)
    return found


def _median(values: Floats, count: NDArray[np.int64]) -> Floats:
    ordered, columns = np.sort(values, axis=0), np.arange(values.shape[1])  # NaN last
    low, high = ordered[np.maximum(count - 1, 0) // 2, columns], ordered[count // 2 % len(values), columns]
    found: Floats = np.where(low == high, low, low / 2 + high / 2)  # equal infinities have one
    return np.where(count > 0, found, np.nan)


def _intervals(values: Floats, there: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Columns with numbers of the same runs are drawn together."""
    low, high = np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    patterns, which = np.unique(there, axis=1, return_inverse=True)
    weights = dict[int, tuple[NDArray[np.int32], Floats]]()
    for number in range(patterns.shape[1]):
        runs, columns = patterns[:, number], np.flatnonzero(which.reshape(-1) == number)
        count = int(runs.sum())
        if count < _TWO:
            continue
        if count not in weights:
            weights[count] = _drawn(count)
        drawn, often = weights[count]
        finite = np.isfinite(values[np.ix_(runs, columns)]).all(axis=0)
        for some in _pieces(columns[finite]):
            means = often @ values[np.ix_(runs, some)] / count
            low[some], high[some] = np.percentile(means, _PERCENTILES, axis=0)
        for column in columns[~finite]:  # 0 · infinity would be NaN
            means = values[runs, column][drawn].mean(axis=1)
            low[column], high[column] = np.percentile(means, _PERCENTILES)
    return low, high


def _pieces(columns: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The last is none of a few columns: by another way through the multiplication its last bits could be others."""
    ends = [*range(PIECE_COLUMNS, len(columns) - PIECE_COLUMNS + 1, PIECE_COLUMNS), len(columns)]
    for begin, end in zip([0, *ends], ends, strict=False):
        if begin < end:
            yield columns[begin:end]


def _drawn(count: int) -> tuple[NDArray[np.int32], Floats]:
    """The draws, and how often each run is in each of them."""
    drawn = np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count), np.int32)
    lines = np.arange(RESAMPLES)[:, None] * count
    often = np.bincount((drawn + lines).reshape(-1), minlength=RESAMPLES * count)
    return drawn, often.reshape(RESAMPLES, count).astype(np.float64)
