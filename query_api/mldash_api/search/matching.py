"""A filter → the rows that pass: the same as mldash/query/evaluating.py run by run, a column at once.

Numbers are compared as arrays. What is by code is judged by that module's own tests, each distinct value once; what
lies in a dict, cell by cell. So only the comparison of numbers is written twice, and it is exact: float64 cells hold
no integer that they would round, and a limit that float64 can't hold lies between two neighbours.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mldash.query.evaluating import at, test_of
from mldash.query.syntax import And, Compare, Condition, Exists, Filter, In, IsNan, Not, Or

from .columns import CODED, FALSE, FLOAT, INT, MISSING, TRUE, Column, nearest_float
from .table import RunTable

Mask = NDArray[np.bool_]
Check = Callable[[], None]
"""Called between two conditions: raises where the time is up, or nobody waits any more."""

_COMPARE: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def rows_that_pass(table: RunTable, filter_: Filter | None, now: float, check: Check) -> Mask:
    """By row, up to the table's capacity; None passes every run that is there."""
    if filter_ is None:
        return table.is_there.copy()
    return _mask(table, filter_, now, check) & table.is_there


def _mask(table: RunTable, filter_: Filter, now: float, check: Check) -> Mask:
    if isinstance(filter_, And | Or):
        join = np.logical_and if isinstance(filter_, And) else np.logical_or
        first, *rest = filter_.parts
        mask = _mask(table, first, now, check)
        for part in rest:
            join(mask, _mask(table, part, now, check), out=mask)
        return mask
    if isinstance(filter_, Not):
        return ~_mask(table, filter_.inner, now, check)
    check()
    column = table.column(filter_.field)
    if column is None:
        return np.zeros(table.capacity, np.bool_)
    return condition_mask(column, filter_, now, table.capacity)


def condition_mask(column: Column, condition: Condition, now: float, capacity: int) -> Mask:
    """Of one column."""
    test = test_of(condition, now)
    mask: Mask = np.zeros(capacity, np.bool_)
    if column.cells is not None:
        mask[[row for row, value in column.cells.items() if test(value)]] = True
        return mask
    if isinstance(condition, Exists):
        mask |= column.kinds != MISSING
        return mask
    if column.has_numbers:
        is_number = (column.kinds == INT) | (column.kinds == FLOAT)
        mask |= is_number & _of_numbers(column.numbers, condition, now)
    for kind, value in ((FALSE, False), (TRUE, True)):
        if test(value):
            mask |= column.kinds == kind
    if column.has_codes and column.vocabulary.values:
        mask |= (column.kinds >= CODED) & _of_codes(column, condition, test)
    return mask


def _of_codes(column: Column, condition: Condition, test: Callable[[Any], bool]) -> Mask:
    values = column.vocabulary.values
    if isinstance(condition, Compare) and condition.comparison == "=" and isinstance(condition.value, str):
        passing: Mask = np.zeros(len(values), np.bool_)
        code = column.vocabulary.code_of(condition.value)
        if code is not None:
            passing[code] = True
    else:
        passing = np.fromiter((test(value) for value in values), np.bool_, len(values))
    mask: Mask = passing[column.codes]
    return mask


def _of_numbers(numbers: NDArray[np.float64], condition: Condition, now: float) -> Mask:
    mask: Mask = np.zeros(len(numbers), np.bool_)
    if isinstance(condition, IsNan):
        mask |= np.isnan(numbers)
    elif isinstance(condition, Compare):
        limit = at(condition.value, now)
        if not isinstance(limit, str | bool):
            mask |= compared(numbers, condition.comparison, limit)
    elif isinstance(condition, In):
        limits = [at(value, now) for value in condition.values]
        exact = [float(one) for one in limits if not isinstance(one, str | bool) and is_exact(one)]
        mask |= np.isin(numbers, np.array(exact, np.float64))
    return mask


def is_exact(number: int | float) -> bool:
    """Whether float64 holds it. (Python compares an integer with a float exactly.)"""
    return isinstance(number, float) or nearest_float(number) == number


def compared(numbers: NDArray[np.float64], comparison: str, limit: int | float) -> Mask:
    """Each number with a limit, exactly; NaN passes nothing."""
    is_number: Mask = numbers == numbers
    with np.errstate(invalid="ignore"):
        if is_exact(limit):
            mask: Mask = _COMPARE[comparison](numbers, float(limit))
            return mask & is_number
        # No float64 is equal to it: it lies between the two that are next to each other.
        if comparison in ("=", "!="):
            return is_number & (comparison == "!=")
        nearest = nearest_float(int(limit))
        if comparison in ("<", "<="):
            below = nearest if nearest < limit else math.nextafter(nearest, -math.inf)
            return np.asarray(numbers <= below)
        above = nearest if nearest > limit else math.nextafter(nearest, math.inf)
        return np.asarray(numbers >= above)
