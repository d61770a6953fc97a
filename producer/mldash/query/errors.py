"""What is wrong with a filter or an expression.

FilterError (a ValueError)   the text is no filter, or asks for what there is not: where, what stands there, what was
                             expected
  ExpressionError            likewise of an expression over the fields of a metric
TooManyExpressions (likewise)  of one chart
"""

from collections.abc import Sequence
from typing import Final

_AROUND: Final = 36
_NAMED: Final = 12


class FilterError(ValueError):
    """`position` is the character, from 0, at which it goes wrong; `found` is what stands there ("" is the end),
    `expected` what could have stood there in words, `reason` what else there is to say."""

    def __init__(self, text: str, position: int, found: str, expected: Sequence[str], reason: str = "") -> None:
        super().__init__(text, position, found, expected, reason)
        self.text, self.position, self.found = text, position, found
        self.expected, self.reason = tuple(expected), reason

    def __str__(self) -> str:
        said = f"character {self.position + 1}: {self._what()}"
        return f"{said}\n{self.shown}" if self.text else said

    def _what(self) -> str:
        there = f"{self.found[:40]!r}" if self.found else "the end"
        few = [*self.expected[:_NAMED], *(["…"] if len(self.expected) > _NAMED else [])]
        if not self.reason and not few:
            return f"{there} can't stand here"
        if not self.reason:
            return f"{there} stands where {_either(few)} was expected"
        return f"{there}: {self.reason}" + (f"; expected {_either(few)}" if few else "")

    @property
    def shown(self) -> str:
        """The line around the position, and a caret under it."""
        first = max(0, self.position - _AROUND)
        last = min(len(self.text), self.position + _AROUND)
        before, after = "…" if first else "", "…" if last < len(self.text) else ""
        line = "".join(letter if letter.isprintable() else " " for letter in self.text[first:last])
        return f"  {before}{line}{after}\n  {' ' * (len(before) + self.position - first)}^"


class ExpressionError(FilterError):
    """The text is no expression."""


class TooManyExpressions(ValueError):
    """Of one chart, by their number or by what they have together."""


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
