"""What the parser calls while it reads: each rule of the grammar → the Structs of syntax.py.

A method is called as its rule in filter-1.lark, with what the rule's parts became. `Built` carries how deep a filter
is, so that one that is too deep is refused before anything recurses over it.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from .errors import FilterError
from .fields import Segment, field_of
from .limits import MOST_DEPTH, MOST_TERMS, MOST_VALUES
from .names import Kind
from .printing import text_of_field
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
    Not,
    Or,
    StartsWith,
    Value,
    kind_of,
)
from .values import fitting, number_value, seconds_value, text_value


class Built(Struct, frozen=True):
    """A filter so far: how deep it is, and how many conditions it has."""

    filter: Filter
    depth: int = 0
    terms: int = 1


class Asked(Struct, frozen=True):
    """A field, and where it stands."""

    field: Field
    position: int

    @property
    def name(self) -> str:
        return text_of_field(self.field)

    @property
    def kind(self) -> Kind:
        return kind_of(self.field)


class Said(Struct, frozen=True):
    """A value, where it stands, and as it was written."""

    value: Value
    position: int
    word: str


class Build:
    """Of one text. Tokens are lark's: text with `type` and `start_pos`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def start(self, parts: Sequence[Built]) -> Filter:
        return parts[0].filter

    def any(self, parts: Sequence[Built]) -> Built:
        return self._joined(Or, parts)

    def all(self, parts: Sequence[Built | Said]) -> Built:
        built = list[Built]()
        before: Has | None = None
        for part in parts:
            if isinstance(part, Built):
                built.append(part)
                before = part.filter if isinstance(part.filter, Has) else None
            elif before is None:
                reason = 'a value alone stands only behind `has`: tags has "a" and "b"'
                raise FilterError(self._text, part.position, part.word, ["a field", "not", "("], reason)
            else:
                built.append(Built(Has(before.field, self._fitting(part, before.field))))
        return self._joined(And, built)

    def negated(self, parts: Sequence[Any]) -> Built:
        inner: Built = parts[1]
        return Built(Not(inner.filter), self._deeper(inner.depth, parts[0].start_pos), inner.terms)

    def grouped(self, parts: Sequence[Built]) -> Built:
        (inner,) = parts
        return Built(inner.filter, self._deeper(inner.depth, 0), inner.terms)

    def is_true(self, parts: Sequence[Asked]) -> Built:
        (asked,) = parts
        if asked.kind not in ("boolean", "any"):
            reason = f"{asked.name} is no boolean, so it can't stand alone"
            raise FilterError(self._text, asked.position, asked.name, ["a comparison behind it"], reason)
        return Built(Compare(asked.field, "=", True))

    def compare(self, parts: Sequence[Any]) -> Built:
        asked, comparison, said = parts
        if asked.kind == "texts":
            reason = f"{asked.name} is a list"
            raise FilterError(self._text, comparison.start_pos, str(comparison), ["has", "exists"], reason)
        value = self._fitting(said, asked.field)
        return Built(Compare(asked.field, "=" if comparison == "==" else str(comparison), value))

    def is_in(self, parts: Sequence[Any]) -> Built:
        asked, word, *said = parts
        if len(said) > MOST_VALUES:
            raise FilterError(self._text, word.start_pos, str(word), [], f"more than {MOST_VALUES:,} values")
        if asked.kind == "texts":
            raise FilterError(self._text, word.start_pos, str(word), ["has"], f"{asked.name} is a list")
        return Built(In(asked.field, tuple(self._fitting(one, asked.field) for one in said)))

    def has(self, parts: Sequence[Any]) -> Built:
        asked, word, said = parts
        self._of_kinds(asked, word, ("texts", "any"), "no list")
        return Built(Has(asked.field, self._fitting(said, asked.field)))

    def starts_with(self, parts: Sequence[Any]) -> Built:
        asked, word, _, text = parts
        self._of_kinds(asked, word, ("text", "any"), "no text")
        return Built(StartsWith(asked.field, self._string(text)))

    def contains(self, parts: Sequence[Any]) -> Built:
        asked, word, text = parts
        self._of_kinds(asked, word, ("text", "any"), "no text; of a list ask `has`")
        return Built(Contains(asked.field, self._string(text)))

    def exists(self, parts: Sequence[Any]) -> Built:
        return Built(Exists(parts[0].field))

    def is_nan(self, parts: Sequence[Any]) -> Built:
        asked, word, _ = parts
        self._of_kinds(asked, word, ("number", "any"), "no number")
        return Built(IsNan(asked.field))

    def path(self, tokens: Sequence[Any]) -> Asked:
        first, *rest = tokens
        segments = [Segment(str(first), first.start_pos)]
        for token in rest:
            is_quoted = token.type == "STRING"
            segments.append(Segment(self._string(token) if is_quoted else str(token), token.start_pos, is_quoted))
        return Asked(field_of(segments, self._text), first.start_pos)

    def text(self, tokens: Sequence[Any]) -> Said:
        return Said(self._string(tokens[0]), tokens[0].start_pos, str(tokens[0]))

    def number(self, tokens: Sequence[Any]) -> Said:
        (token,) = tokens
        return Said(number_value(str(token), self._text, token.start_pos), token.start_pos, str(token))

    def duration(self, tokens: Sequence[Any]) -> Said:
        (token,) = tokens
        return Said(seconds_value(str(token), self._text, token.start_pos), token.start_pos, str(token))

    def true(self, tokens: Sequence[Any]) -> Said:
        return Said(True, tokens[0].start_pos, str(tokens[0]))

    def false(self, tokens: Sequence[Any]) -> Said:
        return Said(False, tokens[0].start_pos, str(tokens[0]))

    def moment(self, tokens: Sequence[Any]) -> Said:
        now, *rest = tokens
        seconds = 0.0
        if rest:
            sign, duration = rest
            seconds = seconds_value(str(duration), self._text, duration.start_pos)
            seconds = -seconds if sign == "-" else seconds
        return Said(FromNow(seconds), now.start_pos, str(now))

    def _joined(self, kind: type[And] | type[Or], parts: Sequence[Built]) -> Built:
        if len(parts) == 1:
            return parts[0]
        terms = sum(part.terms for part in parts)
        if terms > MOST_TERMS:
            raise FilterError(self._text, len(self._text), "", [], f"{terms} conditions, at most {MOST_TERMS}")
        return Built(kind(tuple(part.filter for part in parts)), max(part.depth for part in parts), terms)

    def _deeper(self, depth: int, position: int) -> int:
        if depth >= MOST_DEPTH:
            reason = f"brackets and `not` go at most {MOST_DEPTH} deep"
            raise FilterError(self._text, position, self._text[position : position + 20], [], reason)
        return depth + 1

    def _fitting(self, said: Said, field: Field) -> Value:
        where = (self._text, said.position, said.word)
        return fitting(said.value, kind_of(field), text_of_field(field), where)

    def _of_kinds(self, asked: Asked, word: Any, kinds: Sequence[Kind], said: str) -> None:
        if asked.kind not in kinds:
            raise FilterError(self._text, word.start_pos, str(word), [], f"{asked.name} is {said}")

    def _string(self, token: Any) -> str:
        return text_value(str(token), self._text, token.start_pos)
