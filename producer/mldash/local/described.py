"""The JSON files that follow from rows: experiment.json, and metadata.json beside the data of a metric or a track."""

from collections.abc import Mapping
from typing import Any

from mldash.answers.shapes import ExperimentAnswer, iso_time
from mldash.events.identity import Prefix, experiment_id, stream_key

from . import entries
from .reading.stream_rows import StreamRows
from .runs import About, RunsState


def stream_name_id(prefix: Prefix, kind: str, name: str | None) -> str:
    """The metricId or trackId: the same for the same name in the same experiment, on any host."""
    return stream_key(experiment_id(prefix.text), kind, name).hex()


def experiment_file(prefix: Prefix, state: RunsState, status: str) -> ExperimentAnswer:
    """The content of experiment.json, and the answer of Reader.experiment."""
    about = state.about()
    return {
        "name": prefix.name,
        "project": prefix.project,
        "owner": prefix.owner,
        "prefix": prefix.text,
        "description": about.get("description"),
        "readme": about.get("readme"),
        "tags": about.get("tags", []),
        "metadata": about.get("metadata"),
        "status": status,
        "created_at": None if state.first_time is None else iso_time(state.first_time),
        "updated_at": None if state.last_time is None else iso_time(state.last_time),
    }


def metric_file(prefix: Prefix, name: str | None, rows: StreamRows, about: About) -> dict[str, Any]:
    """The metadata.json of a metric."""
    count = rows.count
    first = rows.rows(0, 1)[0]["createdAt"] if count else None
    last = rows.rows(count - 1, count)[0]["createdAt"] if count else None
    return metric_facts(prefix, name, about, count, first, last)


def metric_facts(
    prefix: Prefix, name: str | None, about: About, count: int, first: str | None, last: str | None
) -> dict[str, Any]:
    """The same, of a metric whose first and last `createdAt` are known."""
    return {
        "metricId": stream_name_id(prefix, "metrics", name),
        "name": name,
        "description": about.get("description"),
        "tags": about.get("tags", []),
        "metadata": about.get("metadata"),
        "totalDataPoints": count,
        "nextIndex": count,
        "createdAt": first,
        "updatedAt": last,
    }


def track_file(
    prefix: Prefix, topic: str, rows: StreamRows, about: About, before: Mapping[str, Any] | None, created_at: str
) -> dict[str, Any]:
    """The metadata.json of a track; `before` is the one that is there, so that only newer rows are looked through."""
    columns, looked_through = known_columns(before, rows)
    span = rows.times()
    return {
        "trackId": stream_name_id(prefix, "tracks", topic),
        "topic": topic,
        "description": about.get("description"),
        "tags": about.get("tags", []),
        "metadata": about.get("metadata"),
        "columns": entries.columns_of(rows, columns, looked_through),
        "totalEntries": entries.count_times(rows),
        "totalRows": rows.count,
        "firstTimestamp": span and span[0],
        "lastTimestamp": span and span[1],
        "createdAt": (before or {}).get("createdAt") or created_at,
    }


def known_columns(file: Mapping[str, Any] | None, rows: StreamRows) -> tuple[list[str], int]:
    """The columns that a metadata.json names, and up to which row they are all of them."""
    columns, looked_through = (file or {}).get("columns"), (file or {}).get("totalRows")
    if isinstance(columns, list) and isinstance(looked_through, int) and looked_through <= rows.count:
        return [str(name) for name in columns], looked_through
    return [], 0
