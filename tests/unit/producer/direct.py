"""An experiment without a journal: what its handles write goes to the files of local mode with the next read.

So the handles and the files are tested by themselves; tests/behaviour runs the same calls through the real thing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mldash.events.identity import new_session_id, parse_prefix
from mldash.events.schema import Block, Column, Columns, Describe, End, Record, Rows, RunEvents, Start
from mldash.handles.logs import Logs
from mldash.handles.metrics import Metrics
from mldash.handles.params import Params
from mldash.handles.timestamps import Timestamps
from mldash.handles.tracks import Tracks
from mldash.local.folder import experiment_folder
from mldash.local.reading.reader import LocalReader
from mldash.local.sink import LocalSink
from mldash.settings import SdkSettings


class DirectStream:
    """A StreamWriter that keeps its events for the next delivery."""

    def __init__(self, experiment: "DirectExperiment", kind: Any, name: str | None) -> None:
        self._experiment, self._kind, self._name = experiment, kind, name
        self.next_seq = 0

    def append(self, time: float, fields: Mapping[str, Any]) -> None:
        self._experiment.calls.append((self._kind, self._name, time, dict(fields)))
        self._add(time, Rows(list(fields), [time], [list(fields.values())]), 1)

    def append_columns(self, times: bytes, count: int, columns: Mapping[str, Column]) -> None:
        self._add(0.0, Columns(list(columns), count, times, list(columns.values())), count)

    def rows(self, types: str, fields: tuple[str, ...]) -> None:
        """Packed rows are the journal's."""

    def append_run_event(self, event: Start | Describe | End) -> None:
        self._add(event.time, RunEvents([event]), 1)

    def _add(self, time: float, block: Block, count: int) -> None:
        record = Record(
            prefix=self._experiment.prefix,
            kind=self._kind,
            name=self._name,
            session=self._experiment.session,
            first_seq=self.next_seq,
            logged_at=time,
            blocks=[block],
        )
        self.next_seq += count
        self._experiment.waiting.append(record)


class DirectWriter:
    """A Writer over DirectStreams."""

    def __init__(self, experiment: "DirectExperiment") -> None:
        self._experiment = experiment
        self._streams: dict[tuple[str, str | None], DirectStream] = {}

    def stream(self, kind: str, name: str | None = "") -> DirectStream:
        key = (kind, name)
        return self._streams.setdefault(key, DirectStream(self._experiment, kind, name))

    def append_run_event(self, event: Start | Describe | End) -> None:
        self.stream("runs").append_run_event(event)

    def flush(self, timeout: float | None = None) -> None:
        self._experiment.deliver()

    def close(self, timeout: float | None = None) -> None:
        self._experiment.deliver()


class DirectExperiment:
    """What handles know of an experiment, over a folder."""

    def __init__(self, root: Path, prefix: str = "owner/project/run") -> None:
        self.prefix = prefix
        self.settings = SdkSettings(echo=False)
        self.session = new_session_id()
        self.folder = experiment_folder(str(root), prefix)
        self.calls: list[tuple[str, str | None, float, dict[str, Any]]] = []
        self.waiting: list[Record] = []
        self._epoch = 0
        self._timestamps = Timestamps()
        self._sink = LocalSink(self.folder, parse_prefix(prefix))
        self._local_reader = LocalReader(
            self.folder, parse_prefix(prefix), own_events_stored=lambda wait: self.deliver()
        )
        self._open_writer: DirectWriter | None = DirectWriter(self)
        self._closed_writer: DirectWriter | None = None
        self.params = Params(self)
        self.metrics = Metrics(self)
        self.tracks = Tracks(self)
        self.logs = Logs(self)

    def end(self) -> None:
        self._open_writer, self._closed_writer = None, self._open_writer
        self._epoch += 1

    def start(self) -> None:
        self._open_writer = self._closed_writer
        self._epoch += 1

    def deliver(self) -> None:
        waiting, self.waiting = self.waiting, []
        if waiting:
            self._sink.deliver(waiting)

    def flush(self, timeout: float | None = None) -> None:
        self.deliver()

    def _writer(self) -> DirectWriter:
        if self._open_writer is None:
            raise RuntimeError("the run is not started: use `with experiment.run:` or experiment.run.start()")
        return self._open_writer

    def _reader(self) -> LocalReader:
        return self._local_reader
