"""One run at a glance: what it is, its parameters and context, and of its metrics the statistics and a short curve."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from mldash.answers.runs.leading import leading
from mldash.answers.shapes import ExperimentAnswer, ViewSeries
from mldash.events.merging import flatten

from .open_run import OpenRun


class FieldOverview(TypedDict):
    """`statistics`: count, min, max, mean, last. `curve`: the last number in each of so many equal parts of the
    indices, None where there is none."""

    field: str
    statistics: dict[str, Any]
    curve: list[float | None]


class MetricOverview(TypedDict):
    """`name` None is the unnamed one. Of the fields the first ones with numbers, as a view has them."""

    name: str | None
    points: int
    fields: list[FieldOverview]


class RunOverview(TypedDict):
    """`context`: what the newest process of rank 0, or without a rank, recorded; `job` and `attempt`: its scheduler's
    job over the restarts of that, and which start of it this is (None: it is in no known one). `metrics`: the first
    ones; `metricCount`: how many there are. `tracks`: entries of each topic."""

    run: ExperimentAnswer
    sessions: int
    job: str | None
    attempt: int | None
    error: dict[str, str] | None
    params: dict[str, Any]
    context: dict[str, Any]
    metrics: list[MetricOverview]
    metricCount: int
    tracks: dict[str, int]


def overview(run: OpenRun, most_metrics: int, columns: int) -> RunOverview | None:
    """With curves of so many columns. None: nothing was logged there. Raises as reads do."""
    about = run.about()
    if about is None:
        return None
    sessions, metrics = run.sessions(), run.metrics.list()
    leader = leading(sessions)
    return {
        "run": about,
        "sessions": len(sessions),
        "job": leader.get("resumeKey") if leader else None,
        "attempt": leader.get("attempt") if leader else None,
        "error": next((one["error"] for one in reversed(sessions) if "error" in one), None),
        "params": run.params.get(),
        "context": flatten(leader.get("context") or {}) if leader else {},
        "metrics": [_metric(run, one["name"], columns) for one in metrics[:most_metrics]],
        "metricCount": len(metrics),
        "tracks": {one["topic"]: one["totalEntries"] for one in run.tracks.list()},
    }


def _metric(run: OpenRun, name: str | None, columns: int) -> MetricOverview:
    metric = run.metrics(name)
    told, view = metric.stats(), metric.view(points=columns)
    span = view["start"], view["end"]
    fields: list[FieldOverview] = [
        {"field": field, "statistics": _statistics(told["fields"], field), "curve": curve(series, span, columns)}
        for field, series in view["fields"].items()
    ]
    return {"name": name, "points": told["totalDataPoints"], "fields": fields}


def _statistics(fields: Mapping[str, Any], field: str) -> dict[str, Any]:
    return dict(fields.get(field) or {})


def curve(series: ViewSeries, span: Sequence[float | None], columns: int) -> list[float | None]:
    """The last number in each column; of fewer x than columns one a x."""
    low, high = span
    if low is None or high is None:
        return []
    count = min(columns, int(high - low) + 1)
    found: list[float | None] = [None] * count
    for x, y in zip(series["x"], series["y"], strict=True):
        if not math.isnan(y):
            found[min(count - 1, int((x - low) * count / (high - low + 1)))] = y
    return found
