"""Text → a filter (reading.py), which building.py makes. What is too long, deep or wide is refused by the numbers of
limits.py.
"""

from typing import Any, Final

from .building import Asked, Build
from .errors import FilterError
from .limits import MOST_BYTES
from .reading import Grammar, check_text, read
from .syntax import Field, Filter

GRAMMAR: Final = "filter-1.lark"
VERSION: Final = 1
"""Of the grammar: what a later one reads otherwise has another number."""

_WORDS: Final = {
    "WORD": "a field",
    "NOT": "not",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "DOT": ".",
    "COMPARISON": "= != < <= > >=",
    "IN": "in",
    "HAS": "has",
    "STARTS": "starts with",
    "WITH": "with",
    "CONTAINS": "contains",
    "EXISTS": "exists",
    "IS": "is nan",
    "NAN": "nan",
    "STRING": "a text in double quotes",
    "NUMBER": "a number",
    "DURATION": "a duration like 7d",
    "TRUE": "true",
    "FALSE": "false",
    "NOW": "now",
    "SIGN": "- or + and a duration",
    "SEGMENT": "a name",
    "_AND": "and",
    "_OR": "or",
    "$END": "the end",
}
"""A terminal of the grammar, as one writes it."""

_GRAMMAR: Final = Grammar("mldash.query", GRAMMAR, ("start", "path"), _WORDS, FilterError)


def parse(text: str) -> Filter:
    """A filter. Raises FilterError that says where the text is none, and what was expected there."""
    found: Filter = _parsed(text, "start")
    return found


def parse_field(text: str) -> Field:
    """A field alone, as one sorts by: `metrics.eval.accuracy.max`. Raises FilterError."""
    found: Asked = _parsed(text, "path")
    return found.field


def _parsed(text: str, rule: str) -> Any:
    check_text(_GRAMMAR, text, "a filter", MOST_BYTES, ("WORD", "NOT", "LPAR"))
    return read(_GRAMMAR, text, rule, Build(text))
