"""Of the processes of a run, the one whose host and context filters take for the run's (docs/query.md)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mldash.answers.shapes import SessionAnswer


def leading(sessions: Iterable[SessionAnswer]) -> SessionAnswer | None:
    """The process of rank 0 that started last; where there is none, one without a rank."""
    return max(sessions, key=_leads, default=None)


def _leads(session: SessionAnswer) -> tuple[float, float]:
    rank, started = session["rank"], session["startedAt"]
    return -(0.5 if rank is None else rank), 0.0 if started is None else datetime.fromisoformat(started).timestamp()
