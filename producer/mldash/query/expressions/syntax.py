"""An expression as Structs. All numbers are float64, and NaN is no number."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

MOST_BYTES: Final = 1_000
"""Of the text, in UTF-8."""

MOST_EXPRESSIONS: Final = 10
"""Of one chart: each is looked at for every point."""

MOST_PARTS: Final = 200
"""Names, numbers and operations; so nothing is deeper than Python can go."""

FUNCTIONS: Final = {
    "abs": 1,
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log10": 1,
    "log1p": 1,
    "log2": 1,
    "max": 2,
    "min": 2,
    "sqrt": 1,
    "tanh": 1,
}
"""How many arguments each takes. `log` is the natural logarithm."""


class Number(Struct, frozen=True, tag=True):
    value: float


class Name(Struct, frozen=True, tag=True):
    """A field."""

    field: str


class Operation(Struct, frozen=True, tag=True):
    """`name`: + - * / ** , `negative`, or a function."""

    name: str
    of: tuple["Node", ...]


class Slope(Struct, frozen=True, tag=True):
    """By x, from the point before. `place`: where it stands in the text, for each has a last point of its own."""

    of: "Node"
    place: int


Node = Number | Name | Operation | Slope


def nodes_of(root: Node) -> Iterator[Node]:
    """All of them, in the order of the text."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Operation):
            waiting += reversed(node.of)
        elif isinstance(node, Slope):
            waiting.append(node.of)


def names_of(root: Node) -> tuple[str, ...]:
    """Of its fields, each once."""
    return tuple(dict.fromkeys(one.field for one in nodes_of(root) if isinstance(one, Name)))
