"""What a filter reads, and when a run passes it: in words, and as data."""

from datetime import UTC, datetime
from typing import Final, TypedDict

from .names import Kind
from .parsing import VERSION
from .printing import text_of, text_of_field, text_of_value
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
    StartsWith,
    Statistic,
    Value,
    conditions_of,
    kind_of,
)

_IS: Final = {
    "=": "is",
    "!=": "is there and is not",
    "<": "is less than",
    "<=": "is at most",
    ">": "is greater than",
    ">=": "is at least",
}
_IS_OF_TIMES: Final = _IS | {"<": "is before", "<=": "is not after", ">": "is after", ">=": "is not before"}

_UNITS: Final = ((604_800, "week"), (86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


class FieldRead(TypedDict):
    """A field that is read, of which kind its values are, and in words what it is."""

    field: str
    kind: Kind
    what: str


class Explanation(TypedDict):
    """`filter` is the text as it was understood; `words` says when a run passes; `reads` are its fields, each once."""

    version: int
    filter: str
    words: str
    reads: list[FieldRead]


def explain(filter_: Filter) -> Explanation:
    """Pure; of a filter that parse() made."""
    fields = dict.fromkeys(one.field for one in conditions_of(filter_))
    return {
        "version": VERSION,
        "filter": text_of(filter_),
        "words": f"runs where {_words(filter_)}",
        "reads": [{"field": text_of_field(one), "kind": kind_of(one), "what": _what(one)} for one in fields],
    }


def _what(field: Field) -> str:
    if isinstance(field, Statistic):
        metric = "the unnamed metric" if field.metric is None else f"metric {field.metric!r}"
        said = "the number" if field.statistic == "count" else f"the {field.statistic}"
        return f"{said} of the numbers in field {field.field!r} of {metric}, NaN left out of all but first and last"
    if isinstance(field, Keyed):
        return f"{field.key!r} of the run's {field.part}"
    return f"the run's {field.name}"


def _words(filter_: Filter) -> str:
    if isinstance(filter_, And):
        return " and ".join(_within(part) for part in filter_.parts)
    if isinstance(filter_, Or):
        return " or ".join(_within(part) for part in filter_.parts)
    if isinstance(filter_, Not):
        return f"it is not so (or nothing is there) that {_within(filter_.inner)}"
    return _condition(filter_)


def _within(filter_: Filter) -> str:
    return f"({_words(filter_)})" if isinstance(filter_, And | Or) else _words(filter_)


def _condition(condition: Condition) -> str:
    field, is_time = text_of_field(condition.field), kind_of(condition.field) == "time"
    match condition:
        case Compare(_, comparison, value):
            return f"{field} {(_IS_OF_TIMES if is_time else _IS)[comparison]} {_value(value, is_time)}"
        case In(_, values):
            return f"{field} is one of {', '.join(_value(one, is_time) for one in values)}"
        case Has(_, value):
            return f"{field} is a list that has {_value(value, is_time)}"
        case StartsWith(_, text):
            return f"{field} is a text that starts with {_value(text, is_time)}"
        case Contains(_, text):
            return f"{field} is a text that contains {_value(text, is_time)}"
        case Exists():
            return f"{field} is there, whatever it is"
        case IsNan():
            return f"{field} is NaN"


def _value(value: Value, is_time: bool) -> str:
    if isinstance(value, FromNow):
        return "now" if not value.seconds else f"{_duration(abs(value.seconds))} {_side(value.seconds)} now"
    if is_time and isinstance(value, int | float):
        try:
            return datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
        except (ValueError, OverflowError, OSError):  # no date is so far away
            return f"{value} seconds after 1970"
    return text_of_value(value)


def _side(seconds: float) -> str:
    return "before" if seconds < 0 else "after"


def _duration(seconds: float) -> str:
    for size, unit in _UNITS:
        if seconds % size == 0:
            count = seconds / size
            return f"{count:,.0f} {unit}{'' if count == 1 else 's'}"
    return f"{seconds} seconds"
