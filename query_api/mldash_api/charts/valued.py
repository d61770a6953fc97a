"""The values of expressions at points that come part by part. Pure, and without a store: local mode takes it too."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mldash.answers.kept_points import Floats, Integers
from mldash.query.expressions.evaluating import Evaluator, Expression

FieldNumbers = tuple[Integers, Floats]
"""Of consecutive points: which of them have a number in this field, and the numbers."""


class Valued:
    """Some expressions over one stream."""

    def __init__(self, expressions: Sequence[Expression] = ()) -> None:
        self._evaluators = {one.text: Evaluator(one) for one in expressions}

    def gap(self) -> None:
        """Points are left out between those that were added and those that come."""
        for one in self._evaluators.values():
            one.gap()

    def add(self, found: Mapping[str, FieldNumbers], x: Floats) -> Iterator[tuple[str, Integers, Floats]]:
        """Of the next points, whose x is NaN where one is not drawn: of each expression that has values, by its text,
        at which of the points, and which."""
        for text, evaluator in self._evaluators.items():
            columns = dict[str, Floats]()
            for name in evaluator.fields:
                if name in found:
                    at, numbers = found[name]
                    columns[name] = np.full(len(x), np.nan)
                    columns[name][at] = numbers
            values = evaluator.add(columns, x)
            at = np.flatnonzero(~np.isnan(values) & ~np.isnan(x))
            if len(at):
                yield text, at, values[at]
