"""What is shown of a run at a glance, by `mldash show` and in a notebook: what it is, its parameters and context, and
of its first metrics the statistics and what a small chart needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from mldash.answers.downsample import ViewRequest
from mldash.answers.runs.leading import leading
from mldash.answers.shapes import ExperimentAnswer, MetricView
from mldash.events.merging import flatten

if TYPE_CHECKING:
    from mldash.mode import Reader
    from mldash.process.clock import Deadline


class ShownMetric(Struct, frozen=True):
    """`name` None is the unnamed one. `view`: its first fields that have numbers. `statistics`: of each field count,
    min, max, mean, last and first."""

    name: str | None
    points: int
    statistics: Mapping[str, Mapping[str, Any]]
    view: MetricView

    def curve(self, field: str, columns: int) -> list[float | None]:
        """The last number in each of so many equal parts of the indices, None where there is none; of fewer x than
        columns one a x."""
        low, high = self.view["start"], self.view["end"]
        if low is None or high is None:
            return []
        count = min(columns, int(high - low) + 1)
        found: list[float | None] = [None] * count
        series = self.view["fields"][field]
        for x, y in zip(series["x"], series["y"], strict=True):
            if not math.isnan(y):
                found[min(count - 1, int((x - low) * count / (high - low + 1)))] = y
        return found


class ShownRun(Struct, frozen=True):
    """`context`: what the newest process of rank 0, or without a rank, recorded; `job` and `attempt`: its scheduler's
    job over the restarts of that, and which start of it this is (None: it is in no known one). `metrics`: the first
    ones; `metric_count`: how many there are. `tracks`: entries of each topic."""

    run: ExperimentAnswer
    sessions: int
    job: str | None
    attempt: int | None
    error: Mapping[str, str] | None
    params: Mapping[str, Any]
    context: Mapping[str, Any]
    metrics: Sequence[ShownMetric]
    metric_count: int
    tracks: Mapping[str, int]

    def facts(self) -> dict[str, Any]:
        """Of the run itself, by names for people; None: there is no such fact."""
        run, error = self.run, self.error
        return {
            "status": run["status"],
            "created": _time(run["created_at"]),
            "updated": _time(run["updated_at"]),
            "processes": self.sessions,
            "job": None if self.job is None else f"{self.job}, attempt {self.attempt}",
            "tags": ", ".join(run["tags"]) or None,
            "description": run["description"],
            "error": None if error is None else ": ".join(error.values()).strip().partition("\n")[0],
            "notes": run.get("notes"),
        }


def read_shown(
    reader: Reader, most_metrics: int, columns: int, *, wait: float | None = None, until: Deadline | None = None
) -> ShownRun | None:
    """With views of so many pixel columns. None: nothing was logged there. `wait` as of any read; once `until` has
    passed no further metric is read. Raises as reads do."""
    about = reader.experiment(wait)
    if about is None:
        return None
    sessions, metrics = reader.sessions(wait), reader.metrics(wait)
    leader = leading(sessions)
    params, tracks = reader.params(wait), reader.tracks(wait)
    read: list[ShownMetric] = []
    for one in metrics[:most_metrics]:
        if until is not None and until.passed:
            break
        read.append(_read_metric(reader, one["name"], columns, wait))
    return ShownRun(
        run=about,
        sessions=len(sessions),
        job=leader.get("resumeKey") if leader else None,
        attempt=leader.get("attempt") if leader else None,
        error=next((one["error"] for one in reversed(sessions) if "error" in one), None),
        params=params,
        context=flatten(leader.get("context") or {}) if leader else {},
        metrics=read,
        metric_count=len(metrics),
        tracks={one["topic"]: one["totalEntries"] for one in tracks},
    )


def _read_metric(reader: Reader, name: str | None, columns: int, wait: float | None) -> ShownMetric:
    told = reader.metric_statistics(name, wait)
    view = reader.metric_view(name, ViewRequest(columns=columns), wait)
    if told is None:  # it was deleted meanwhile
        return ShownMetric(name, view["totalPoints"], {}, view)
    return ShownMetric(name, told["totalDataPoints"], told["fields"], view)


def _time(text: str | None) -> str | None:
    return None if text is None else text[:19].replace("T", " ")
