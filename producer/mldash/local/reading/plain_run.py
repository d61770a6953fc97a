"""A local experiment as the plain dict that filters are asked of (mldash/query/evaluating.py).

What only servers know is missing: `user`, title and notes, and what people set over HTTP. `archived` is false.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mldash.answers.runs.leading import leading
from mldash.answers.shapes import SessionAnswer
from mldash.events.merging import flatten
from mldash.events.run_status import LOST, SessionTimes, latest_run

from .reader import LocalReader


def plain_run(reader: LocalReader) -> dict[str, Any] | None:
    """None: nothing was logged there. It reads all of the statistics of each metric."""
    told = reader.experiment()
    if told is None:
        return None
    sessions = reader.sessions()
    times = [_times(one) for one in sessions]
    latest = latest_run(times, 0.0)
    ended = [one.ended for one in latest if one.ended is not None]
    leader = leading(sessions)
    metrics = {one["name"]: reader.metric_statistics(one["name"]) for one in reader.metrics()}
    newest = [told["updated_at"], *(one["lastDataAt"] for one in metrics.values() if one is not None)]
    run: dict[str, Any] = {
        **{part: told[part] for part in ("prefix", "owner", "project", "name", "status", "tags", "description")},
        "created": _seconds(told["created_at"]),
        "started": min((one.started for one in latest), default=None),
        "ended": max(ended) if latest and len(ended) == len(latest) else None,
        "updated": max((_seconds(at) or 0.0 for at in newest if at is not None), default=None),
        "archived": False,
        "host": leader["host"] or None if leader else None,
        "sessions": len(sessions),
        "params": reader.params(),
        "context": _flat(leader.get("context") if leader else None),
        "metadata": _flat(told["metadata"]),
        "metrics": {name: one["fields"] for name, one in metrics.items() if one is not None},
    }
    if latest:
        seen = max([*ended, *(one.heartbeat for one in latest)])
        run["duration"] = max(0.0, seen - run["started"])
    return {name: value for name, value in run.items() if value is not None}


def _times(session: SessionAnswer) -> SessionTimes:
    started, ended = _seconds(session["startedAt"]) or 0.0, _seconds(session["endedAt"])
    return SessionTimes(
        started,
        _seconds(session["heartbeatAt"]) or started,
        ended,
        None if ended is None else session["status"],
        session["session"],
        session["host"],
        session["rank"],
        session.get("resumeKey", ""),
        is_dead=session["status"] == LOST,
    )


def _flat(values: Any) -> dict[str, Any]:
    return flatten(values) if isinstance(values, Mapping) else {}


def _seconds(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
