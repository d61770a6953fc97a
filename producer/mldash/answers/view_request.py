"""The arguments of a view, checked: `metrics(name).view(…)` in every mode."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from mldash.events.identity import check_name
from mldash.events.moments import Moment, checked_moment

from .asked import checked_count, checked_names
from .downsample import TIME, ViewRequest
from .filters import checked_filters
from .limits import MOST_COLUMNS, MOST_NAMES
from .pixel_columns import Number


def checked_request(
    fields: str | Sequence[str] | None,
    x: str,
    start: Moment | None,
    end: Moment | None,
    columns: int,
    filters: str | Sequence[str] | None = None,
    expressions: str | Sequence[str] | None = None,
) -> ViewRequest:
    """Raises ValueError, naming what is wrong; TypeError for wrong types of texts and of the number of columns."""
    if not isinstance(x, str):
        raise TypeError(f"x must be text, not {type(x).__name__}")
    check_name("x", x)
    columns = checked_count(columns, "points")
    if not 1 <= columns <= MOST_COLUMNS:
        raise ValueError(f"points is {columns}, it must be between 1 and {MOST_COLUMNS}")
    named = checked_names(fields, "fields")
    if len(named or ()) > MOST_NAMES:
        raise ValueError(f"{len(named or ())} fields in one view, at most {MOST_NAMES} are allowed")
    texts = list(dict.fromkeys(checked_names(expressions, "expression") or ()))
    named = [] if named is None and texts else named
    bounds = _bound(start, "start", x), _bound(end, "end", x)
    return ViewRequest(named, x, *bounds, columns, checked_filters(filters), texts)


def _bound(value: Any, what: str, x: str) -> Number | None:
    """None for an infinite one. Where x is not a time, numbers alone."""
    if isinstance(value, (str, date)) and x != TIME:
        raise ValueError(f"{what} must be a number, not {value!r:.80}")
    found = checked_moment(value, what)
    if found is None or math.isinf(found):
        return None
    return value if type(value) is int else found
