"""Filters of the points of a view: "FIELD COMPARISON NUMBER", as in "loss < 0.5".

COMPARISON is <, <=, >, >=, == or !=; the last one in the text counts, so a name may have such signs in it. Spaces
beside it are not part of the name; a name that begins or ends with one, or with a quotation mark, is written as a JSON
string. A point passes whose field is a number that compares so, as float64; one without the field, or with anything
else in it, does not. The name in it is compared with the names of fields, and never becomes part of a query of a
store.
"""

import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from mldash.events.field_statistics import is_number

from .limits import MOST_FILTERS

COMPARISONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_FILTER: Final = re.compile(r"(?P<field>.*\S)\s*(?P<comparison><=|>=|==|!=|<|>)(?P<number>[^<>=!]*)", re.DOTALL)


class Filter(Struct, frozen=True):
    """One condition on a point."""

    field: str
    comparison: str
    number: float

    def passes(self, value: Any) -> bool:
        return is_number(value) and value == value and self.holds(float(value))

    def holds(self, numbers: Any) -> Any:
        """Of one float, or of each of an array of them."""
        return COMPARISONS[self.comparison](numbers, self.number)


def parse_filter(text: str) -> Filter:
    """Raises ValueError that names what is wrong."""
    found = _FILTER.fullmatch(text)
    if found is None:
        raise ValueError(
            f'{text!r:.120} is no filter: write a field, {" ".join(COMPARISONS)}, and a number: "loss < 0.5"'
        )
    field, number = found["field"].lstrip(), found["number"]
    if field.startswith('"'):
        try:
            field = json.loads(field)
        except ValueError:
            raise ValueError(f"{text!r:.120}: a name that begins with a quotation mark is a JSON string") from None
    try:
        limit = float(number)
    except ValueError:
        raise ValueError(f"{text!r:.120}: {number.strip()!r} is no number") from None
    if limit != limit:
        raise ValueError(f"{text!r:.120}: nothing compares with NaN")
    return Filter(field, found["comparison"], limit)


def checked_filters(filters: str | Sequence[str] | None) -> list[Filter]:
    """None, one, or several, all of which have to hold. Raises ValueError, TypeError for anything but text."""
    if filters is None:
        return []
    listed: list[Any] = [filters] if isinstance(filters, str) or not isinstance(filters, Iterable) else list(filters)
    for one in listed:
        if not isinstance(one, str):
            raise TypeError(f"filter must be text, not {type(one).__name__}")
    if len(listed) > MOST_FILTERS:
        raise ValueError(f"{len(listed)} filters in one view, at most {MOST_FILTERS} are allowed")
    return [parse_filter(one) for one in listed]
