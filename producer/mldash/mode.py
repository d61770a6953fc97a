"""The mode of an experiment, and the two protocols that each mode implements: a Writer and a Reader.

  mode       writer                                    reader
  local      the journal, drained to plain files       the files, and what is not yet drained
  remote     the journal, published to Kafka           the query API, after this process's own events are stored
  offline    the journal alone                         this host's journal
  disabled   nothing                                   the empty answers

The handles (params.py, metrics.py, tracks.py, logs.py, run.py) know these protocols only.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .answers.shapes import (
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
from .events.schema import Column, Describe, End, Start
from .settings import SdkSettings

if TYPE_CHECKING:
    from .answers.downsample import ViewRequest

Mode = Literal["local", "remote", "offline", "disabled"]


def mode_of(settings: SdkSettings) -> Mode:
    """The mode that is named, else remote where an API address is given, else local."""
    if settings.mode is not None:
        return settings.mode
    return "remote" if settings.remote else "local"


class RowWriter(Protocol):
    """Events of one stream with the same few numbers as fields; point_calls.py has the hot path that uses it."""

    number: int
    word: int
    """Length and kind of its frames."""
    here: memoryview
    """here[0] is 0 in a forked child."""
    pack: Callable[..., bytes]
    _write: Callable[[bytes], Any]
    """Appends a frame, or raises ValueError: then `append_slowly` the row."""

    def append_slowly(self, row: bytes) -> None: ...


class StreamWriter(Protocol):
    """One stream of this process's session. Thread-safe; returns when the event is in the journal, never later."""

    @property
    def next_seq(self) -> int:
        """The seq of the next event: what this session has written are [0, next_seq). Counted from the journal."""
        ...

    def append(self, time: float, fields: Mapping[str, Any]) -> None:
        """One event; values are plain data (values.py). `time` as schema.py says for the kind."""
        ...

    def append_columns(self, times: bytes, count: int, columns: Mapping[str, Column]) -> None:
        """`count` events at once; `times` are count × 8 bytes, float64."""
        ...

    def rows(self, types: str, fields: tuple[str, ...]) -> RowWriter | None:
        """Where events of these fields go as packed rows; None where they may not."""
        ...


class Writer(Protocol):
    """Where this process's events of one experiment go."""

    def stream(self, kind: str, name: str | None = "") -> StreamWriter:
        """The same object for the same stream, as long as the session lives."""
        ...

    def append_run_event(self, event: Start | Describe | End) -> None: ...

    def flush(self, timeout: float | None = None) -> None:
        """The barrier of Experiment.flush. Raises TimeoutError that says what is left."""
        ...

    def close(self, timeout: float | None = None) -> None:
        """Deliver what can be delivered in time, leave the rest in the journal and say so in one line."""
        ...


class Reader(Protocol):
    """Answers of docs/sdk.md. `wait`: seconds to wait for this process's own events (None: the setting)."""

    def experiment(self, wait: float | None = None) -> ExperimentAnswer | None: ...

    def params(self, wait: float | None = None) -> dict[str, Any]:
        """Flat dotted keys."""
        ...

    def metric_points(
        self, name: str | None, start_index: int, limit: int, wait: float | None = None
    ) -> MetricPage: ...

    def metric_pages(
        self,
        name: str | None,
        start_index: int,
        wait: float | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[MetricPage]:
        """All points from start_index on, page after page, in constant memory. `fields`: others need not come."""
        ...

    def metric_table(
        self,
        name: str | None,
        start_index: int,
        limit: int | None,
        fields: Sequence[str] | None,
        wait: float | None = None,
    ) -> Any:
        """A pyarrow.Table of points, as answers/columns.py makes it; None: take the pages."""
        ...

    def metric_view(self, name: str | None, request: "ViewRequest", wait: float | None = None) -> MetricView: ...

    def metric_statistics(self, name: str | None, wait: float | None = None) -> MetricStatistics | None: ...

    def metrics(self, wait: float | None = None) -> list[MetricSummary]: ...

    def track_entries(
        self,
        topic: str,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> EntriesAnswer: ...

    def track_entries_at(
        self, topic: str, times: Sequence[float], columns: Sequence[str] | None = None, wait: float | None = None
    ) -> list[dict[str, Any] | None]:
        """At each time the last entry at or before; None before the first."""
        ...

    def resampled_entries(
        self,
        topic: str,
        rate_hz: float,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> list[dict[str, Any]]: ...

    def tracks(self, wait: float | None = None) -> list[TrackSummary]: ...

    def log_lines(
        self,
        levels: Sequence[str] | None = None,
        limit: int = 1000,
        offset: int = 0,
        search: str | None = None,
        start: float | None = None,
        end: float | None = None,
        wait: float | None = None,
    ) -> list[LogLine]: ...

    def sessions(self, wait: float | None = None) -> list[SessionAnswer]:
        """One entry a process that has written into the experiment."""
        ...

    def say_waiting(self) -> None:
        """Somebody looks again and again at what is new: for three seconds the processes that log it deliver sooner,
        where an API can tell them. Raises nothing where it can't be told now."""
        ...
