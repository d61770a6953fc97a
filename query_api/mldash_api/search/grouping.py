"""Groups of runs by the values of one or more fields, within each other, and what is said of the numbers of a group.

The interval is of the mean: 95 %, by the percentiles of RESAMPLES bootstrap means, with a fixed seed, so that the same
runs give the same interval.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypedDict

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash.query.syntax import Field
from mldash_api.errors import AnswerTooLarge

from .columns import BIG, CODED, FALSE, FLOAT, INT, MISSING, TRUE, Column
from .table import RunTable

RESAMPLES: Final = 1_000
SEED: Final = 16
MOST_GROUPS: Final = 1_000
_DRAWN_AT_ONCE: Final = 1_000_000
_PERCENTILES: Final = (2.5, 97.5)

Numbers = NDArray[np.float64]


class GroupStatistics(TypedDict):
    """Of the numbers of a group that are there and not NaN; null where there are none. `low` and `high`: the bootstrap
    interval of the mean, null of fewer than two."""

    count: int
    mean: float | None
    median: float | None
    min: float | None
    max: float | None
    low: float | None
    high: float | None


class RunGroup(TypedDict):
    """`value`: of the field that the group is by, null where the runs have none; then `isMissing`. `groups` are by the
    next field."""

    field: str
    value: Any
    isMissing: bool
    count: int
    values: dict[str, GroupStatistics]
    groups: "list[RunGroup]"


class Gathered(Struct, frozen=True):
    """What grouping needs of the passing runs, so that it needs the table no more: of each field to group by a number a
    run and the value behind each number; of each field to summarise the numbers."""

    fields: list[str]
    codes: list[NDArray[np.intp]]
    values: list[list[tuple[bool, Any]]]
    numbers: dict[str, Numbers]


def gather(
    table: RunTable, passing: NDArray[np.bool_], by: Sequence[tuple[str, Field]], of: Sequence[tuple[str, Field]]
) -> Gathered:
    """Copies of what these runs have."""
    rows = np.flatnonzero(passing)
    codes, values = list[NDArray[np.intp]](), list[list[tuple[bool, Any]]]()
    for _, field in by:
        column = table.column(field)
        found, firsts = _distinct(column, rows)
        codes.append(found)
        values.append([_shown(column, int(rows[first])) for first in firsts])
    numbers = {name: _numbers(table.column(field), rows) for name, field in of}
    return Gathered([name for name, _ in by], codes, values, numbers)


def groups_of(gathered: Gathered, check: Callable[[], None]) -> list[RunGroup]:
    """The groups by the first field, in the order of its values. Raises AnswerTooLarge."""
    leaves = _leaf_count(gathered)
    if leaves > MOST_GROUPS:
        raise AnswerTooLarge(leaves, MOST_GROUPS, "group by fewer fields, or filter")
    every = np.arange(len(gathered.codes[0]))
    return list(_groups(gathered, 0, every, check))


def statistics_of(numbers: Numbers, check: Callable[[], None] = lambda: None) -> GroupStatistics:
    """Of one group. `check` is called between draws: of many runs they take seconds."""
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return {"count": 0, "mean": None, "median": None, "min": None, "max": None, "low": None, "high": None}
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = _interval(known, check) if len(known) > 1 else (None, None)
        return {
            "count": len(known),
            "mean": float(known.mean()),
            "median": float(np.median(known)),
            "min": float(known.min()),
            "max": float(known.max()),
            "low": low,
            "high": high,
        }


def _groups(gathered: Gathered, level: int, members: NDArray[np.intp], check: Callable[[], None]) -> Iterator[RunGroup]:
    if level == len(gathered.fields):
        return
    codes = gathered.codes[level][members]
    order = np.argsort(codes, kind="stable")
    cuts = np.flatnonzero(np.diff(codes[order])) + 1
    for part in np.split(order, cuts):
        check()
        own = members[part]
        is_missing, value = gathered.values[level][int(codes[part[0]])]
        yield {
            "field": gathered.fields[level],
            "value": value,
            "isMissing": is_missing,
            "count": len(own),
            "values": {name: statistics_of(numbers[own], check) for name, numbers in gathered.numbers.items()},
            "groups": list(_groups(gathered, level + 1, own, check)),
        }


def _interval(numbers: Numbers, check: Callable[[], None]) -> tuple[float, float]:
    draw, count = np.random.default_rng(SEED), len(numbers)
    at_once, means = max(1, _DRAWN_AT_ONCE // count), list[Numbers]()
    for done in range(0, RESAMPLES, at_once):
        check()
        drawn = draw.integers(0, count, (min(at_once, RESAMPLES - done), count), np.int32)
        means.append(numbers[drawn].mean(axis=1))
    low, high = np.percentile(np.concatenate(means), _PERCENTILES)
    return float(low), float(high)


def _leaf_count(gathered: Gathered) -> int:
    joined = np.zeros(len(gathered.codes[0]), np.int64)
    for codes, values in zip(gathered.codes, gathered.values, strict=True):
        _, joined = np.unique(joined * max(1, len(values)) + codes, return_inverse=True)
    return int(joined.max()) + 1 if len(joined) else 0


def _distinct(column: Column | None, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """A number for each row, equal where the values are; and of each number the place of its first row.

    Numbers in their order, then false and true, then the rest, then what is missing. 1 and 1.0 are one value.
    """
    if column is None:
        return np.zeros(len(rows), np.intp), np.zeros(min(1, len(rows)), np.intp)
    if column.cells is not None:
        return _distinct_cells(column, rows)
    kinds = column.kinds[rows]
    values = column.numbers[rows].copy() if column.has_numbers else np.zeros(len(rows))
    ranks = np.select([kinds == MISSING, kinds >= CODED, (kinds == FALSE) | (kinds == TRUE)], [4.0, 2.0, 1.0], 0.0)
    values[kinds == FALSE], values[kinds == TRUE], values[kinds == MISSING] = 0.0, 1.0, 0.0
    if column.has_codes:
        coded = kinds >= CODED
        values[coded] = column.codes[rows][coded]
    is_nan = np.isnan(values)
    ranks[is_nan], values[is_nan] = 3.0, 0.0
    keys = ranks.astype(np.complex128)
    keys.imag = values  # 1j * inf would have NaN for its rank
    _, firsts, found = np.unique(keys, return_index=True, return_inverse=True)
    return found.astype(np.intp), firsts.astype(np.intp)


def _distinct_cells(column: Column, rows: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of a field that few runs have: in the order in which its values come, what is missing last."""
    cells, known, firsts = column.cells or {}, dict[Any, int](), list[int]()
    found = np.full(len(rows), -1, np.intp)
    missing: int | None = None
    for place, row in enumerate(rows.tolist()):
        if row not in cells:
            missing = place if missing is None else missing
            continue
        value = cells[row]
        key = ("number", value) if type(value) in (int, float) and value == value else (type(value), repr(value))
        if key not in known:
            known[key] = len(firsts)
            firsts.append(place)
        found[place] = known[key]
    if missing is not None:
        found[found == -1] = len(firsts)
        firsts.append(missing)
    return found, np.array(firsts, np.intp)


def _shown(column: Column | None, row: int) -> tuple[bool, Any]:
    try:
        return (True, None) if column is None else (False, column.value(row))
    except KeyError:
        return True, None


def _numbers(column: Column | None, rows: NDArray[np.intp]) -> Numbers:
    """NaN where there is no number."""
    numbers = np.full(len(rows), np.nan)
    if column is None:
        return numbers
    if column.cells is not None:
        for place, row in enumerate(rows.tolist()):
            value = column.cells.get(row)
            if type(value) in (int, float):
                numbers[place] = value
        return numbers
    if column.has_numbers:
        kinds = column.kinds[rows]
        is_number = (kinds == INT) | (kinds == FLOAT) | (kinds == BIG)
        numbers[is_number] = column.numbers[rows][is_number]
    return numbers
