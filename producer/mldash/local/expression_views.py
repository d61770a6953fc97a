"""Expressions over fields in the view of a local metric: "log10(loss)" is drawn as a field would be
(mldash/answers/downsample.py).

Each has a value at the points that are drawn at which it is defined, float64 (mldash/query/expressions/evaluating.py);
what is kept of them is what a view keeps. A slope goes from the last point before that is drawn.
"""

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import structs

from mldash.answers.downsample import Drawing, Piece, SpanFinder, ViewRequest, are_drawn, draw
from mldash.answers.pixel_columns import Span, edges
from mldash.answers.shapes import MetricView
from mldash.events.field_statistics import is_number
from mldash.query.expressions.evaluating import Evaluator, Floats
from mldash.query.expressions.parsing import parse_expressions


def draw_with_expressions(
    request: ViewRequest, pieces: Callable[[], Iterable[Piece]], span: Span | None = None
) -> MetricView:
    """As `draw`, with `request.expressions` beside the fields. `pieces`: all points, in the order of their indices.

    Raises ExpressionError, ValueError where there are too many.
    """
    evaluators = {one.text: Evaluator(one) for one in parse_expressions(request.expressions)}
    if span is None:
        finder = SpanFinder(request)
        for x, columns in pieces():
            finder.add(x, columns)
        span = finder.span
    view = draw(request, pieces if span is not None else lambda: (), span)
    # Of the points that pass the filters, which are asked here: they name fields, and fields are not drawn by it.
    drawing = Drawing(structs.replace(request, fields=list(evaluators), filters=()), span)
    if span is not None:
        for x, columns in pieces():
            drawn = [at if is_in else np.nan for at, is_in in zip(x, are_drawn(x, columns, request), strict=True)]
            places, known = np.array(drawn, np.float64), dict[str, Floats]()
            drawing.add(drawn, {text: _values(one, columns, known, places) for text, one in evaluators.items()})
    derived = drawing.view()
    view["expressions"], view["sampled"] = derived["fields"], view["sampled"] or derived["sampled"]
    view["edges"] = edges(span, request.columns) if span is not None and view["sampled"] else []
    return view


def _values(
    evaluator: Evaluator, columns: Mapping[str, Sequence[Any]], known: dict[str, Floats], places: Floats
) -> list[float]:
    """Of an expression at each of these points. `known`: the fields that were unpacked already."""
    for name in evaluator.fields:
        if name in columns and name not in known:
            known[name] = _numbers(columns[name])
    own = {name: known[name] for name in evaluator.fields if name in known}
    found: list[float] = evaluator.add(own, places).tolist()
    return found


def _numbers(values: Sequence[Any]) -> Floats:
    if isinstance(values, array):
        return np.asarray(values, np.float64)
    return np.array([value if is_number(value) else np.nan for value in values], np.float64)
