"""The value of an expression at each point of a metric.

A point has a value where each field that is named has a number there (int or float, as float64; NaN is none), and the
operations have a value of these: they are those of IEEE 754, so 1 / 0 is an infinity, which is a number, and log(-1)
and 0 / 0 are NaN, which is none. `min` and `max` are of two values at one point.

d(e)/dx is the slope from the point before: (e - e') / (x - x'), where ' is the last point before this one, in the order
of the stream, at which e has a value. The first has none, and where x = x' there is none.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from .syntax import Name, Node, Number, Operation, Slope

Floats = NDArray[np.float64]

_OPERATIONS: Final[Mapping[str, Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "**": np.power,
    "negative": np.negative,
    "abs": np.abs,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "max": np.maximum,
    "min": np.minimum,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}


class Expression(Struct, frozen=True):
    """`text` as it was asked for; `fields`: the names in it, each once, in their order."""

    text: str
    root: Node
    fields: tuple[str, ...]

    def of(self, columns: Mapping[str, Any], x: Any = None) -> Floats:
        """Its value at each point, NaN where there is none. `columns`: of each field a list or array of numbers, one a
        point; None is no number. `x`: of each point, for slopes; left out, 0, 1, 2, … Raises ValueError where the
        columns are of unlike lengths, or not of numbers."""
        arrays = {name: _floats(name, columns[name]) for name in self.fields if name in columns}
        lengths = {len(one) for one in arrays.values()} | ({len(x)} if x is not None else set())
        if len(lengths) > 1:
            raise ValueError(f"columns of {sorted(lengths)} points: they must have one length")
        count = lengths.pop() if lengths else 0
        place = np.arange(count, dtype=np.float64) if x is None else _floats("x", x)
        return Evaluator(self).add(arrays, place)


class Evaluator:
    """One expression over a stream, part by part in its order."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self.fields = expression.fields
        self._last = dict[int, tuple[float, float]]()  # of each slope: x and value of the last point with a value

    def gap(self) -> None:
        """Points were left out: the next one has no point before it."""
        self._last.clear()

    def add(self, columns: Mapping[str, Floats], x: Floats) -> Floats:
        """Of the next points, a value each. `columns`: as long as x, NaN where there is no number; a field that is not
        in it has none."""
        with np.errstate(all="ignore"):
            found = self._of(self._expression.root, columns, x)
            whole: Floats = np.broadcast_to(found, x.shape).astype(np.float64)
            for name in self._expression.fields:  # NaN ** 0 is 1, for one
                whole[np.isnan(columns[name]) if name in columns else slice(None)] = np.nan
        return whole

    def _of(self, node: Node, columns: Mapping[str, Floats], x: Floats) -> Any:
        match node:
            case Number(value):
                return np.float64(value)
            case Name(field):
                return columns.get(field, np.float64(np.nan))
            case Operation(name, of):
                return _OPERATIONS[name](*(self._of(one, columns, x) for one in of))
            case Slope(of, place):
                return self._slope(place, np.broadcast_to(self._of(of, columns, x), x.shape), x)

    def _slope(self, place: int, values: Floats, x: Floats) -> Floats:
        found = np.full(x.shape, np.nan)
        at = np.flatnonzero(~np.isnan(values) & ~np.isnan(x))
        if len(at):
            before_x, before = self._last.get(place, (np.nan, np.nan))
            rise = np.diff(values[at], prepend=before)
            run = np.diff(x[at], prepend=before_x)
            found[at] = np.where(run == 0, np.nan, rise / run)
            self._last[place] = float(x[at[-1]]), float(values[at[-1]])
        return found


def _floats(name: str, values: Any) -> Floats:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name!r} is no column of numbers: {error}") from None
