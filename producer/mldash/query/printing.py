"""Structs → text that parses to the same Structs."""

import json
import math
import re
from typing import Final

from .names import METRICS, UNNAMED
from .syntax import (
    And,
    Compare,
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

_BARE: Final = re.compile(r"\w[\w/-]*")


def text_of(filter_: Filter) -> str:
    """A filter as one writes it, with brackets only where they are needed."""
    if isinstance(filter_, And | Or):
        word = " and " if isinstance(filter_, And) else " or "
        return word.join(_within(part) for part in filter_.parts)
    if isinstance(filter_, Not):
        return f"not {_within(filter_.inner)}"
    field = text_of_field(filter_.field)
    match filter_:
        case Compare(_, comparison, value):
            return f"{field} {comparison} {text_of_value(value)}"
        case In(_, values):
            return f"{field} in ({', '.join(map(text_of_value, values))})"
        case Has(_, value):
            return f"{field} has {text_of_value(value)}"
        case StartsWith(_, text):
            return f"{field} starts with {text_of_value(text)}"
        case Contains(_, text):
            return f"{field} contains {text_of_value(text)}"
        case Exists():
            return f"{field} exists"
        case IsNan():
            return f"{field} is nan"


def _within(filter_: Filter) -> str:
    text = text_of(filter_)
    return f"({text})" if isinstance(filter_, And | Or) else text


def text_of_field(field: Field) -> str:
    """As it is asked for: dotted, what is no plain word as a JSON string."""
    if isinstance(field, Plain):
        return field.name
    if isinstance(field, Keyed):
        segments = field.key.split(".")
        bare = all(_BARE.fullmatch(segment) for segment in segments)
        return f"{field.part}.{field.key if bare else _quoted(field.key)}"
    metric = UNNAMED if field.metric is None else _segment(field.metric)
    return f"{METRICS}.{metric}.{_segment(field.field)}.{field.statistic}"


def _segment(name: str) -> str:
    return name if _BARE.fullmatch(name) and name != UNNAMED else _quoted(name)


def text_of_value(value: Value) -> str:
    """A value as the grammar has it."""
    if isinstance(value, FromNow):
        return f"now {'-' if math.copysign(1.0, value.seconds) < 0 else '+'} {_plain(abs(value.seconds))}s"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, float) and math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return repr(value)


def _plain(seconds: float) -> str:
    """Without an exponent, exactly."""
    text = repr(seconds)
    return text if "e" not in text else format(seconds, ".340f").rstrip("0").rstrip(".")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
