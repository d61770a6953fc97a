"""Whether a run passes a filter, in plain Python: what a filter means. A faster evaluation has to give the same.

A run is a plain dict: the plain fields by their names (times in seconds since the epoch), `params`, `context` and
`metadata` as flat dicts, `metrics` as {name: {field: {statistic: number}}}. What is absent is missing; of a plain field
None is absent too.

  missing        passes no condition, `!=` neither
  other types    text is compared with text, a number with a number (1 and 1.0 are one), true and false for equality;
                 every other pair is never equal, less or greater, and `!=` does not hold for it
  NaN            passes no comparison, `!=` neither; `is nan` and `exists` find it
  not            two-valued: true wherever what follows is not
"""

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from .names import METRICS
from .syntax import (
    And,
    Compare,
    Condition,
    Contains,
    Exists,
    Field,
    Filter,
    FromNow,
    Has,
    In,
    IsNan,
    Keyed,
    Not,
    Or,
    Plain,
    StartsWith,
    Value,
)

MISSING: Final = object()
"""What value_of gives where a run has no such field."""

Test = Callable[[Any], bool]

_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def passes(filter_: Filter, run: Mapping[str, Any], now: float) -> bool:
    """Whether the run passes, at a time in seconds since the epoch. Never raises for what a run holds."""
    if isinstance(filter_, And):
        return all(passes(part, run, now) for part in filter_.parts)
    if isinstance(filter_, Or):
        return any(passes(part, run, now) for part in filter_.parts)
    if isinstance(filter_, Not):
        return not passes(filter_.inner, run, now)
    value = value_of(filter_.field, run)
    return value is not MISSING and test_of(filter_, now)(value)


def value_of(field: Field, run: Mapping[str, Any]) -> Any:
    """MISSING where the run has none."""
    if isinstance(field, Plain):
        value = run.get(field.name)
        return MISSING if value is None else value
    if isinstance(field, Keyed):
        return run.get(field.part, {}).get(field.key, MISSING)
    value = run.get(METRICS, {}).get(field.metric, {}).get(field.field, {}).get(field.statistic)
    return MISSING if value is None else value


def test_of(condition: Condition, now: float) -> Test:
    """What a value that is there has to pass."""
    match condition:
        case Compare(_, comparison, value):
            return comparing(comparison, at(value, now))
        case In(_, values):
            return _among([at(value, now) for value in values])
        case Has(_, wanted):
            equals = comparing("=", at(wanted, now))
            return lambda value: isinstance(value, list | tuple) and any(map(equals, value))
        case StartsWith(_, text):
            return lambda value: isinstance(value, str) and value.startswith(text)
        case Contains(_, text):
            return lambda value: isinstance(value, str) and text in value
        case Exists():
            return lambda value: True
        case IsNan():
            return lambda value: isinstance(value, float) and value != value


def at(value: Value, now: float) -> str | bool | int | float:
    """A value at a time."""
    return now + value.seconds if isinstance(value, FromNow) else value


def comparing(comparison: str, limit: str | bool | int | float) -> Test:
    """The comparison with a limit, of values of any type."""
    compare = _COMPARE[comparison]
    if isinstance(limit, str):
        return lambda value: isinstance(value, str) and compare(value, limit)
    if isinstance(limit, bool):
        if comparison not in ("=", "!="):
            return lambda value: False
        return lambda value: isinstance(value, bool) and compare(value, limit)
    return lambda value: _is_number(value) and compare(value, limit)


def _among(limits: Iterable[str | bool | int | float]) -> Test:
    """Equality with any of them, in a time that does not grow with their number."""
    listed = list(limits)
    texts = {one for one in listed if isinstance(one, str)}
    booleans = {one for one in listed if isinstance(one, bool)}
    numbers = {one for one in listed if _is_number(one)}

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return value in texts
        if isinstance(value, bool):
            return value in booleans
        return _is_number(value) and value in numbers

    return test


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value
