"""Text → an expression."""

from collections.abc import Sequence
from typing import Any, Final

from mldash.query.errors import ExpressionError, FilterError, TooManyExpressions
from mldash.query.reading import Grammar, check_text, read
from mldash.query.values import number_value, text_value

from .evaluating import Expression
from .syntax import (
    FUNCTIONS,
    MOST_BYTES,
    MOST_EXPRESSIONS,
    MOST_PARTS,
    Name,
    Node,
    Number,
    Operation,
    Slope,
    names_of,
    nodes_of,
)

GRAMMAR: Final = "expression-1.lark"
VERSION: Final = 1
"""Of the grammar: what a later one reads otherwise has another number."""

_WORDS: Final = {
    "NAME": "a field",
    "STRING": "a field as a JSON string",
    "NUMBER": "a number",
    "FUNCTION": "a function",
    "SLOPE": "d(…)/dx",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "SIGN": "+ or -",
    "STAR": "*",
    "SLASH": "/",
    "POWER": "**",
    "DX": "dx",
    "$END": "the end",
}

_GRAMMAR: Final = Grammar("mldash.query.expressions", GRAMMAR, ("start",), _WORDS, ExpressionError)


def parse_expression(text: str) -> Expression:
    """Of one metric's fields. Raises ExpressionError that says where the text is none, and what was expected there."""
    check_text(_GRAMMAR, text, "an expression", MOST_BYTES, ("NAME", "NUMBER", "FUNCTION", "LPAR"))
    try:
        root = read(_GRAMMAR, text, "start", _Build(text))
    except FilterError as error:  # of a number or a name, which both grammars read alike
        raise ExpressionError(*error.args) from None
    fields = names_of(root)
    if not fields:
        raise ExpressionError(text, 0, text, [_WORDS["NAME"]], "it names no field")
    return Expression(text, root, fields)


def parse_expressions(texts: Sequence[str]) -> tuple[Expression, ...]:
    """Of one chart, each once. Raises ExpressionError, TooManyExpressions: also of names, numbers and operations
    together, for each is a pass over the points."""
    if len(texts) > MOST_EXPRESSIONS:
        raise TooManyExpressions(f"there are {len(texts)}, at most {MOST_EXPRESSIONS} are taken")
    found = tuple(parse_expression(text) for text in dict.fromkeys(texts))
    parts = sum(sum(1 for _ in nodes_of(one.root)) for one in found)
    if parts > MOST_PARTS:
        said = f"they have {parts} names, numbers and operations together, at most {MOST_PARTS} are taken"
        raise TooManyExpressions(said)
    return found


class _Build:
    """A method is called as its rule in the grammar, with what the rule's parts became."""

    def __init__(self, text: str) -> None:
        self._text, self._parts = text, 0

    def start(self, parts: Sequence[Any]) -> Node:
        found: Node = parts[0]
        return found

    def number(self, parts: Sequence[Any]) -> Node:
        word = parts[0]
        try:
            value = float(number_value(str(word), self._text, word.start_pos))
        except OverflowError:
            reason = "it is larger than any float64"
            raise ExpressionError(self._text, word.start_pos, str(word), [], reason) from None
        return self._counted(Number(value))

    def name(self, parts: Sequence[Any]) -> Node:
        return self._counted(Name(str(parts[0])))

    def quoted(self, parts: Sequence[Any]) -> Node:
        word = parts[0]
        return self._counted(Name(text_value(str(word), self._text, word.start_pos)))

    def add(self, parts: Sequence[Any]) -> Node:
        return self._operation(str(parts[1]), parts[0], parts[2])

    multiply = divide = power = add

    def sign(self, parts: Sequence[Any]) -> Node:
        sign, of = parts
        return self._operation("negative", of) if sign == "-" else of

    def call(self, parts: Sequence[Any]) -> Node:
        word, *of = parts
        name = str(word)
        if name not in FUNCTIONS:
            raise ExpressionError(self._text, word.start_pos, name, [*FUNCTIONS, _WORDS["SLOPE"]], "no such function")
        if len(of) != FUNCTIONS[name]:
            reason = f"it takes {FUNCTIONS[name]} in its brackets, not {len(of)}"
            raise ExpressionError(self._text, word.start_pos, name, [], reason)
        return self._operation(name, *of)

    def slope(self, parts: Sequence[Any]) -> Node:
        return self._counted(Slope(parts[1], parts[0].start_pos))

    def _operation(self, name: str, *of: Node) -> Node:
        return self._counted(Operation(name, of))

    def _counted(self, node: Node) -> Node:
        self._parts += 1
        if self._parts > MOST_PARTS:
            reason = f"it has more than {MOST_PARTS} names, numbers and operations"
            raise ExpressionError(self._text, 0, self._text, [], reason)
        return node
