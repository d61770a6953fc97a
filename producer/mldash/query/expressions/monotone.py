"""Which expressions follow from least and greatest of a field: those that never fall, or never rise, with one field.

Of such an expression the least value of many points is its value at the field's least or greatest, whatever lies
between; where it has a value at both, it has one at every point between them, for each step of it is defined on an
interval. The same holds for the first and the last point, and for how many have a value. The mean follows only where
the expression is a line of the field: a * field + b.

Found by its steps, outwards from the field, which may stand in it once; abs, even powers and 1 / field are refused,
for they rise and fall, and so is whatever has two fields or a slope. So are powers that are no whole numbers: IEEE 754
has a value of them at -infinity, and none between there and 0. Those are made of points.
"""

from typing import NamedTuple

import numpy as np

from .evaluating import Evaluator, Expression
from .syntax import Name, Node, Operation, nodes_of

_RISING = {"exp", "expm1", "log", "log10", "log1p", "log2", "sqrt", "tanh"}


class Monotone(NamedTuple):
    """`rises`: else it falls (either may stay); `is_line`: the mean goes with it too."""

    field: str
    rises: bool
    is_line: bool

    def _turned(self, keeps: bool, *, is_line: bool = True) -> "Monotone":
        return Monotone(self.field, self.rises == keeps, self.is_line and is_line)


def monotone(root: Node) -> Monotone | None:
    """None: it may rise and fall."""
    if sum(isinstance(one, Name) for one in nodes_of(root)) != 1:
        return None
    return _of(root)


def _of(node: Node) -> Monotone | None:
    if isinstance(node, Name):
        return Monotone(node.field, rises=True, is_line=True)
    if not isinstance(node, Operation):
        return None
    if len(node.of) == 1:
        inner = _of(node.of[0])
        if inner is None:
            return None
        if node.name == "negative":
            return inner._turned(keeps=False)
        return inner._turned(keeps=True, is_line=False) if node.name in _RISING else None
    left, right = node.of
    if (number := _constant(right)) is not None:
        return _with_number(node.name, _of(left), number)
    if (number := _constant(left)) is not None:
        return _of_number(node.name, number, _of(right))
    return None


def _with_number(name: str, inner: Monotone | None, number: float) -> Monotone | None:
    """inner ∘ number."""
    if inner is None:
        return None
    if name in ("+", "-"):
        return inner
    if name in ("*", "/") and number != 0:
        return inner._turned(keeps=number > 0)
    if name in ("min", "max"):
        return inner._turned(keeps=True, is_line=False)
    if name == "**" and number > 0 and number % 2 == 1:
        return inner._turned(keeps=True, is_line=False)
    return None


def _of_number(name: str, number: float, inner: Monotone | None) -> Monotone | None:
    """number ∘ inner."""
    if inner is None:
        return None
    if name in ("+", "*", "min", "max"):
        return _with_number(name, inner, number)
    if name == "-":
        return inner._turned(keeps=False)
    if name == "**" and number > 0:
        return inner._turned(keeps=number >= 1, is_line=False)
    return None


def _constant(node: Node) -> float | None:
    """The value of what has no field, where it is finite."""
    if any(isinstance(one, Name) for one in nodes_of(node)):
        return None
    value = float(Evaluator(Expression("", node, ())).add({}, np.zeros(1))[0])
    return value if np.isfinite(value) else None
