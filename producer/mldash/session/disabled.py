"""mode="disabled": a Writer that does nothing, quickly, and a Reader with the empty answers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mldash.answers.shapes import (
    EntriesAnswer,
    ExperimentAnswer,
    LogLine,
    MetricPage,
    MetricStatistics,
    MetricSummary,
    MetricView,
    SessionAnswer,
    TrackSummary,
)
from mldash.events.schema import Column, Describe, End, Start

if TYPE_CHECKING:
    from mldash.answers.downsample import ViewRequest


class NullStream:
    """Takes everything and keeps nothing."""

    next_seq = 0

    def append(self, time: float, fields: Mapping[str, Any]) -> None:
        return

    def append_columns(self, times: bytes, count: int, columns: Mapping[str, Column]) -> None:
        return

    def rows(self, types: str, fields: tuple[str, ...]) -> None:
        return


class NullWriter:
    """Where a disabled experiment's events go."""

    def __init__(self) -> None:
        self._stream = NullStream()

    def stream(self, kind: str, name: str | None = "") -> NullStream:
        return self._stream

    def append_run_event(self, event: Start | Describe | End) -> None:
        return

    def flush(self, timeout: float | None = None) -> None:
        return

    def close(self, timeout: float | None = None) -> None:
        return


class EmptyReader:
    """Answers as for an experiment of which nothing is stored."""

    def experiment(self, wait: float | None = None) -> ExperimentAnswer | None:
        return None

    def params(self, wait: float | None = None) -> dict[str, Any]:
        return {}

    def metric_points(self, name: str | None, start_index: int, limit: int, wait: float | None = None) -> MetricPage:
        return {"data": [], "startIndex": start_index, "endIndex": start_index - 1, "total": 0, "hasMore": False}

    def metric_pages(
        self,
        name: str | None,
        start_index: int,
        wait: float | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[MetricPage]:
        return iter(())

    def metric_table(
        self,
        name: str | None,
        start_index: int,
        limit: int | None,
        fields: Sequence[str] | None,
        wait: float | None = None,
    ) -> Any:
        return None

    def metric_view(self, name: str | None, request: "ViewRequest", wait: float | None = None) -> MetricView:
        from mldash.answers.downsample import empty_view

        return empty_view(request)

    def metric_statistics(self, name: str | None, wait: float | None = None) -> MetricStatistics | None:
        return None

    def metrics(self, wait: float | None = None) -> list[MetricSummary]:
        return []

    def track_entries(
        self,
        topic: str,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> EntriesAnswer:
        return {"entries": [], "count": 0}

    def track_entries_at(
        self, topic: str, times: Sequence[float], columns: Sequence[str] | None = None, wait: float | None = None
    ) -> list[dict[str, Any] | None]:
        return [None] * len(times)

    def resampled_entries(
        self,
        topic: str,
        rate_hz: float,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> list[dict[str, Any]]:
        return []

    def tracks(self, wait: float | None = None) -> list[TrackSummary]:
        return []

    def log_lines(
        self,
        levels: Sequence[str] | None = None,
        limit: int = 1000,
        offset: int = 0,
        search: str | None = None,
        start: float | None = None,
        end: float | None = None,
        wait: float | None = None,
    ) -> list[LogLine]:
        return []

    def sessions(self, wait: float | None = None) -> list[SessionAnswer]:
        return []

    def say_waiting(self) -> None:
        """To nobody."""
