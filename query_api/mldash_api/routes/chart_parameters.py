"""What routes of charts share: the parameters of a view, and of a track on pixel columns. Without a store: local mode
takes the same."""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

from litestar.params import QueryParameter
from msgspec import structs

from mldash.answers.downsample import ViewRequest
from mldash.answers.filters import Filter, checked_filters
from mldash.answers.limits import MOST_COLUMNS
from mldash.query.errors import ExpressionError, TooManyExpressions
from mldash.query.expressions.evaluating import Expression
from mldash.query.expressions.parsing import parse_expressions
from mldash.query.expressions.syntax import MOST_EXPRESSIONS
from mldash_api.charts.cells import Statistic
from mldash_api.charts.tracks.asking import AskedTrackGrid
from mldash_api.charts.tracks.cells import TrackGrid
from mldash_api.errors import WrongParameter
from mldash_api.limits import MOST_TRACK_FIELDS, MOST_VIEWS
from mldash_api.run_errors import WrongExpression

from .parameters import checked_count, checked_fields, checked_finite, checked_name

Prefixes = Annotated[list[str], QueryParameter(description=f"The experiments, at most {MOST_VIEWS}.")]
XName = Annotated[str, QueryParameter(description='"index", "time" (seconds), or a field with numbers.')]
Bound = Annotated[float | None, QueryParameter(description="In units of x, inclusive.")]
Columns = Annotated[int, QueryParameter(ge=1, le=MOST_COLUMNS, description="Pixel columns of the chart, at most.")]
FilterText = Annotated[
    list[str] | None,
    QueryParameter(description='Only points that pass all: "FIELD <, <=, >, >=, == or != NUMBER", as in "loss < 0.5".'),
]


Expressions = Annotated[
    list[str] | None,
    QueryParameter(description='Of the fields of the metric, as in "log10(loss)", "a - b", "d(loss)/dx".'),
]

GridFields = Annotated[list[str], QueryParameter(description=f"The fields, at most {MOST_TRACK_FIELDS}.")]
GridStatistics = Annotated[
    list[Statistic] | None, QueryParameter(description="Least and greatest, if left out; of each number of a field.")
]
HasPath = Annotated[bool, QueryParameter(description="Whole entries too, so that a path can be drawn of them.")]


def checked_expressions(texts: list[str] | None) -> tuple[Expression, ...]:
    """Each once. Raises WrongParameter, WrongExpression."""
    checked_count("number of expression", len(texts or ()), MOST_EXPRESSIONS)
    try:
        return parse_expressions(texts or ())
    except ExpressionError as error:
        raise WrongExpression("expression", error) from None
    except TooManyExpressions as error:
        raise WrongParameter("expression", str(error)) from None


def checked_view(
    fields: list[str] | None,
    x: str,
    bounds: tuple[float | None, float | None],
    points: int,
    filter_: list[str] | None,
) -> ViewRequest:
    """`bounds`: start and end. Raises WrongParameter."""
    low, high = (checked_finite(name, bound) for name, bound in zip(_BOUNDS, bounds, strict=True))
    return ViewRequest(checked_fields("fields", fields), checked_name("x", x), low, high, points, _filters_of(filter_))


def checked_local_view(
    fields: list[str] | None,
    expressions: list[str] | None,
    x: str,
    bounds: tuple[float | None, float | None],
    points: int,
    filter_: list[str] | None,
) -> ViewRequest:
    """With the texts of expressions in it, as local files are asked. Raises WrongParameter, WrongExpression."""
    found = checked_expressions(expressions)
    request = checked_view([] if fields is None and found else fields, x, bounds, points, filter_)
    return structs.replace(request, expressions=[one.text for one in found])


class AskedChart(NamedTuple):
    """`hidden`: fields that expressions alone need."""

    request: ViewRequest
    expressions: tuple[Expression, ...]
    hidden: frozenset[str]


def checked_chart(
    fields: list[str] | None,
    expressions: list[str] | None,
    x: str,
    bounds: tuple[float | None, float | None],
    points: int,
    filter_: list[str] | None,
) -> AskedChart:
    """A view of these fields and of those that expressions need. Raises WrongParameter, WrongExpression."""
    found = checked_expressions(expressions)
    needed, shown = dict.fromkeys(name for one in found for name in one.fields), fields or ()
    request = checked_view([*shown, *needed] if needed else fields, x, bounds, points, filter_)
    return AskedChart(request, found, frozenset(needed) - {*shown})


def checked_grid(
    topic: str,
    fields: list[str],
    bounds: tuple[float | None, float | None],
    points: int,
    statistics: list[Statistic] | None,
    has_path: bool,
) -> AskedTrackGrid:
    """`bounds`: start and end. Raises WrongParameter."""
    checked_name("topic", topic)
    checked_count("number of columns", len(fields), MOST_TRACK_FIELDS)
    low, high = checked_finite("start", bounds[0]), checked_finite("end", bounds[1])
    if low is not None and high is not None and low > high:
        raise WrongParameter("end", "it lies before the start")
    names = list(dict.fromkeys(checked_fields("columns", fields) or ()))
    chosen = list(dict.fromkeys(statistics or ("least", "greatest")))
    return AskedTrackGrid(names, low, high, points, chosen, has_path)


def cells_in(grid: TrackGrid) -> int:
    """How many values an answer holds."""
    path = grid["path"]
    kept = len(path["timestamps"]) * (1 + len(path["values"])) if path else 0
    return kept + len(grid["edges"]) * sum(1 + len(one["statistics"]) for one in grid["series"])


def check_two(prefixes: Sequence[str]) -> None:
    """Raises WrongParameter."""
    if len(prefixes) != _TWO:
        raise WrongParameter("prefixes", f"two are compared, not {len(prefixes)}")


_BOUNDS: Final = ("start", "end")
_TWO: Final = 2


def _filters_of(texts: list[str] | None) -> list[Filter]:
    try:
        found = checked_filters(texts)
    except ValueError as error:
        raise WrongParameter("filter", str(error)) from None
    for one in found:
        checked_name("filter", one.field)
    return found
