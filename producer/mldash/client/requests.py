"""What a Client asks an API for several runs at once: parameters of routes, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mldash.events.identity import check_name, parse_prefix
from mldash.events.moments import Moment


def prefixes_of(prefixes: Sequence[str]) -> list[str]:
    """Raises TypeError for one text, ValueError for a bad prefix."""
    if isinstance(prefixes, str):
        raise TypeError(f"prefixes must be a list, not the text {prefixes!r:.80}")
    return [parse_prefix(prefix).text for prefix in prefixes]


def view_query_of(
    metric: str | None,
    fields: str | Sequence[str] | None,
    x: str,
    start: Moment | None,
    end: Moment | None,
    points: int,
    filter: str | Sequence[str] | None,
) -> dict[str, Any]:
    """Raises ValueError."""
    from mldash.answers.view_request import checked_request
    from mldash.remote.queries import metric_query, view_query

    if metric is not None:
        check_name("metric", metric)
    return {**metric_query(metric), **view_query(checked_request(fields, x, start, end, points, filter))}
