"""The files, and what is not yet drained, as answers (mode.py, Reader).

A read first waits until this process's own events are in the files. Then it reads what is acknowledged, and lays over
it what the journals hold beyond: of a process that was killed, or of one that is about to drain. So a folder can be
read as a whole wherever it is mounted, also by who may not write there.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final

from mldash.answers.downsample import ViewRequest
from mldash.answers.resample import entries_at, resampled
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
from mldash.events.identity import Prefix
from mldash.events.merging import FoldedParams
from mldash.journal.sessions import live_sessions
from mldash.local import entries, lines, params, points, runs
from mldash.local.described import experiment_file, known_columns, metric_file, stream_name_id
from mldash.local.folder import Folder
from mldash.local.json_file import read_json
from mldash.local.row_reader import RowReader
from mldash.local.sink import TIME_OF
from mldash.local.state.acknowledged import Acknowledged
from mldash.local.state.adoption import stream_name
from mldash.local.state.point_columns import PointColumns
from mldash.process.locks import reentrant_lock

from .stored_rows import Stream, refreshed_reader
from .stream_rows import PAGE_ROWS, StreamRows
from .undrained_rows import Undrained, WaitingEvents

_CHUNK_SIZE: Final = 10_000
"""Points of a cold chunk; locally nothing is cold, and the number is that of the other modes."""


def _no_records() -> Iterable[WaitingEvents]:
    """For a folder without a journal."""
    return ()


def _no_wait(wait: float | None) -> None:
    """For a reader in a process that writes nothing."""


class LocalReader:
    """Answers from one experiment's folder. Thread-safe.

    `own_events_stored(wait)` returns when this process's own events are in the files, or raises NotYetStored;
    `undrained()` gives the records that journals in the folder hold, those of each session in its order; what the files
    have already is left out here. `live` gives the ids of the sessions whose processes live; None: those in the
    folder's journal.
    """

    def __init__(
        self,
        folder: Folder,
        prefix: Prefix,
        *,
        own_events_stored: Callable[[float | None], None] = _no_wait,
        undrained: Callable[[], Iterable[WaitingEvents]] = _no_records,
        live: Callable[[], set[str]] | None = None,
    ) -> None:
        self._folder, self._prefix = folder, prefix
        self._own_events_stored, self._undrained = own_events_stored, undrained
        self._live = live or partial(live_sessions, folder.journal, for_people=True, follows_links=folder.follows_links)
        self._lock = reentrant_lock()
        self._acknowledged = Acknowledged(folder.state, open_file=folder.open_file)
        self._readers: dict[str, RowReader] = {}
        self._statistics: dict[str | None, tuple[int, points.PointStatistics]] = {}  # version of the file, …
        self._columns: dict[str, tuple[int, list[str], int]] = {}
        self._charted: tuple[str | None, PointColumns] | None = None
        self._runs, self._runs_version = runs.RunsState(), -1

    def experiment(self, wait: float | None = None) -> ExperimentAnswer | None:
        with self._lock:
            view = self._view(wait)
            if not view.runs.rows:
                return None
            return experiment_file(self._prefix, view.runs, view.runs.status(self._live(), time.time()))

    def sessions(self, wait: float | None = None) -> list[SessionAnswer]:
        """One entry a process that has written here."""
        with self._lock:
            return self._view(wait).runs.sessions(self._live(), time.time())

    def say_waiting(self) -> None:
        """Nobody has to hurry: what no file has yet is read from the journal."""

    def params(self, wait: float | None = None) -> dict[str, Any]:
        with self._lock:
            rows = self._view(wait).rows("params", "")
            state = params.ParametersState()
            file = read_json(self._folder.parameters, self._folder.open_file)
            if rows.count == 0:
                held = (file or {}).get("data")
                return dict(FoldedParams(held).flat) if isinstance(held, dict) else {}
            state.begin_with(file, rows.count)
            state.carry_on(rows)
            return dict(state.params.flat)

    def metric_points(self, name: str | None, start_index: int, limit: int, wait: float | None = None) -> MetricPage:
        with self._lock:
            return points.page(self._view(wait).rows("metrics", name), start_index, limit)

    def metric_pages(
        self, name: str | None, start_index: int, wait: float | None = None, fields: Sequence[str] | None = None
    ) -> Iterator[MetricPage]:
        """The points that the metric has now; each page is read when it is asked for."""
        rows = self.metric_rows(name, wait)
        while True:
            with self._lock:
                page = points.page(rows, start_index, PAGE_ROWS)
            if page["data"]:
                yield page
            if not page["hasMore"]:
                return
            start_index = page["endIndex"] + 1

    def metric_table(
        self,
        name: str | None,
        start_index: int,
        limit: int | None,
        fields: Sequence[str] | None,
        wait: float | None = None,
    ) -> Any:
        return None

    def metric_rows(self, name: str | None, wait: float | None = None) -> StreamRows:
        """The points that the metric has now. They are read while nothing else of this reader is."""
        with self._lock:
            return self._view(wait).rows("metrics", name)

    def metric_view(self, name: str | None, request: ViewRequest, wait: float | None = None) -> MetricView:
        with self._lock:
            return points.view(self._view(wait).rows("metrics", name), request, self._point_columns_of(name))

    def metric_statistics(self, name: str | None, wait: float | None = None) -> MetricStatistics | None:
        with self._lock:
            view = self._view(wait)
            rows, about = view.rows("metrics", name), view.runs.about("metrics", name)
            if rows.count == 0 and not about:
                return None
            return self._metric_statistics(name, rows, about)

    def metrics(self, wait: float | None = None) -> list[MetricSummary]:
        with self._lock:
            view = self._view(wait)
            found: list[MetricSummary] = []
            for name in view.names("metrics"):
                file = metric_file(self._prefix, name, view.rows("metrics", name), view.runs.about("metrics", name))
                found.append(
                    {
                        "metricId": file["metricId"],
                        "name": name,
                        "description": file["description"],
                        "tags": file["tags"],
                        "totalDataPoints": file["totalDataPoints"],
                        "createdAt": file["createdAt"],
                    }
                )
            return found

    def track_entries(
        self,
        topic: str,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> EntriesAnswer:
        with self._lock:
            return entries.answer(self._view(wait).rows("tracks", topic), start, end, columns)

    def earliest_entries(
        self, topic: str, start: float | None, end: float | None, columns: Sequence[str] | None, limit: int
    ) -> EntriesAnswer:
        """The first so many of `track_entries`; what lies behind them is not read."""
        with self._lock:
            return entries.answer(self._view(None).rows("tracks", topic), start, end, columns, limit)

    def track_rows(self, topic: str) -> StreamRows:
        """The rows that the track has now. They are read while nothing else of this reader is."""
        with self._lock:
            return self._view(None).rows("tracks", topic)

    def track_entries_at(
        self, topic: str, times: Sequence[float], columns: Sequence[str] | None = None, wait: float | None = None
    ) -> list[dict[str, Any] | None]:
        found = self.track_entries(topic, None, max(times, default=0.0), columns, wait)["entries"]
        return entries_at(found, times)

    def resampled_entries(
        self,
        topic: str,
        rate_hz: float,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> list[dict[str, Any]]:
        return resampled(self.track_entries(topic, None, end, columns, wait)["entries"], rate_hz, start, end)

    def tracks(self, wait: float | None = None) -> list[TrackSummary]:
        with self._lock:
            view = self._view(wait)
            return [self._track_summary(str(topic), view) for topic in view.names("tracks")]

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
        with self._lock:
            return lines.answer(self._view(wait).rows("logs", ""), levels, limit, offset, search, start, end)

    def _point_columns_of(self, name: str | None) -> PointColumns:
        """Of the metric that was charted last, for memory is for one."""
        if self._charted is None or self._charted[0] != name:
            self._charted = name, PointColumns()
        return self._charted[1]

    def _view(self, wait: float | None) -> "_View":
        self._own_events_stored(wait)
        # Journals first: what is drained between the two looks is then left out by its seqs, and never missed.
        waiting = list(self._undrained())
        self._acknowledged.refresh()
        view = _View(self._folder, self._acknowledged, self._readers, waiting)
        if not view.is_waiting("runs", ""):
            # Folded once a reader and not once a read, as long as no event is still waiting for its place.
            rows = view.rows("runs", "")
            if self._runs_version != rows.file.version or self._runs.rows > rows.count:
                self._runs, self._runs_version = runs.RunsState(), rows.file.version
            self._runs.carry_on(rows)
            view.runs_state = self._runs
        return view

    def _metric_statistics(self, name: str | None, rows: StreamRows, about: runs.About) -> MetricStatistics:
        version, held = self._statistics.get(name) or (-1, points.PointStatistics())
        if version != rows.file.version or held.rows > rows.drained:
            held = points.PointStatistics()
            self._statistics[name] = rows.file.version, held
        held.carry_on(rows, rows.drained)
        fields = held
        if rows.undrained:
            # These may still be stored behind others: they count in this answer only.
            fields = held.copy()
            for first in range(0, len(rows.undrained), PAGE_ROWS):
                fields.take_in([*rows.undrained[first : first + PAGE_ROWS]])
        file = metric_file(self._prefix, name, rows, about)
        return {
            "metricId": file["metricId"],
            "name": name,
            "description": file["description"],
            "tags": file["tags"],
            "metadata": file["metadata"],
            "totalDataPoints": rows.count,
            "bufferedDataPoints": rows.count,
            "chunkedDataPoints": 0,
            "totalChunks": 0,
            "chunkSize": _CHUNK_SIZE,
            "firstDataAt": file["createdAt"],
            "lastDataAt": file["updatedAt"],
            "createdAt": file["createdAt"],
            "updatedAt": file["updatedAt"],
            "fields": fields.summaries(),
        }

    def _track_summary(self, topic: str, view: "_View") -> TrackSummary:
        rows, about = view.rows("tracks", topic), view.runs.about("tracks", topic)
        span = rows.times()
        version, known, looked_through = self._columns.get(topic) or (-1, [], 0)
        if version != rows.file.version:
            file = read_json(self._folder.metadata("tracks", topic), self._folder.open_file)
            known, looked_through = known_columns(file, rows)
        columns = entries.columns_of(rows, known, min(looked_through, rows.drained))
        held = (known, looked_through) if rows.undrained else (columns, rows.drained)
        self._columns[topic] = rows.file.version, *held
        return {
            "trackId": stream_name_id(self._prefix, "tracks", topic),
            "topic": topic,
            "description": about.get("description"),
            "tags": about.get("tags", []),
            "metadata": about.get("metadata"),
            "totalEntries": entries.count_times(rows),
            "firstTimestamp": span and span[0],
            "lastTimestamp": span and span[1],
            "columns": columns,
        }


class _View:
    """The experiment at one moment: what was acknowledged and what was waiting then."""

    def __init__(
        self, folder: Folder, acknowledged: Acknowledged, readers: dict[str, RowReader], waiting: list[WaitingEvents]
    ) -> None:
        self._folder, self._acknowledged, self._readers = folder, acknowledged, readers
        self._waiting: dict[Stream, list[tuple[WaitingEvents, int]]] = {}
        stored: dict[tuple[bytes, str, str | None], int] = {}
        for record in waiting:
            key = (record.session, record.kind, record.name)
            seq = stored.get(key, acknowledged.next_seq(*key))
            if record.first_seq + record.count > seq:
                skip = max(0, seq - record.first_seq)
                self._waiting.setdefault((record.kind, record.name), []).append((record, skip))
                stored[key] = record.first_seq + record.count
        self.runs_state: runs.RunsState | None = None

    def is_waiting(self, kind: str, name: str | None) -> bool:
        """Whether a journal holds something of the stream that its file has not."""
        return (kind, name) in self._waiting

    def rows(self, kind: str, name: str | None) -> StreamRows:
        reader = refreshed_reader(self._folder, self._acknowledged, self._readers, kind, name)
        return StreamRows(reader, self._undrained(kind, name, reader.end.rows), TIME_OF[kind])

    @property
    def runs(self) -> runs.RunsState:
        """The fold of the history of runs."""
        if self.runs_state is None:
            self.runs_state = runs.RunsState()
            self.runs_state.carry_on(self.rows("runs", ""))
        return self.runs_state

    def names(self, kind: str) -> list[str | None]:
        """All metrics or topics: those with rows in files, those that are only waiting, and those only described."""
        names = {stream_name(self._folder, kind, path): None for path in self._folder.streams(kind)}
        names.update(dict.fromkeys(name for waiting, name in self._waiting if waiting == kind))
        return sorted(names, key=lambda name: (name is not None, name or ""))

    def _undrained(self, kind: str, name: str | None, first_row: int) -> Undrained:
        return Undrained(kind, first_row, self._waiting.get((kind, name), ()))
