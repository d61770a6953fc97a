"""Records of the journal → the experiment's files.

One delivery, under the experiment's lock (the order is the guarantee: a kill between two steps is a repeat, never a
loss and never a double):

    1  read the acknowledgements, and leave out acknowledged seqs
    2  append rows, each file behind its acknowledged end (what a killed process left beyond it is cut), and whose
       events they are
    3  acknowledge: one record for all these files and seqs
    4  indexes, then the JSON files that follow from the rows

Step 4 can be made up for at any time: readers believe the rows. The metadata.json of a stream is written with its first
rows, and from then on every _METADATA_EVERY_S only, of many streams more seldom (_METADATA_A_SECOND); `settle`,
`deliver([])` and `close` write what is due, and who takes over a session whose process was killed writes those of its
streams.
"""

import contextlib
import math
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from mldash.answers.shapes import iso_time
from mldash.events.identity import Prefix
from mldash.events.schema import Describe, Record
from mldash.journal.sessions import live_sessions

from . import entries, lines, params, points, runs
from .appends import Append, Part, pieces, span
from .blocks import run_events_of
from .described import experiment_file, metric_facts, metric_file, track_file
from .folder import Folder
from .json_file import read_json, write_json
from .reading.stream_rows import StreamRows
from .row_file import RowFile
from .row_index import TimeOf, status_of, whole_lines
from .row_reader import RowReader
from .state.acknowledged import Acknowledged, FileEnd, Followed, NotOurState, StreamOf
from .state.adoption import adopt
from .state.fence import LeaseLost, put_out_of_reach
from .state.lock import lock_of
from .state.sources import SourceFile, sources_of
from .state.spans import Spans

_METADATA_EVERY_S: Final = 1.0
_METADATA_A_SECOND: Final = 20
_METADATA_LATEST_S: Final = 60.0
_METADATA_AT_ONCE: Final = 32
_LOCK_WAIT_S: Final = 60.0
_FINISH_WAIT_S: Final = 1.0

TIME_OF: Final[dict[str, TimeOf]] = {
    "metrics": points.time_of,
    "tracks": entries.time_of,
    "logs": lines.time_of,
    "params": params.time_of,
    "runs": runs.time_of,
}


class LocalSink:
    """Takes records for one experiment's folder (delivery/sink.py). Any number of processes have one each."""

    def __init__(self, folder: Folder, prefix: Prefix, *, fsync: bool = False, use_lease: bool = False) -> None:
        self._folder, self._prefix, self._fsync = folder, prefix, fsync
        self._lock = lock_of(folder.state, use_lease)
        self._threads = threading.Lock()
        self._acknowledged = Acknowledged(folder.state, fsync)
        self._readers: dict[str, RowReader] = {}
        self._sources: dict[str, SourceFile] = {}
        self._parameters = params.ParametersState()
        self._runs = runs.RunsState()
        self._due: set[tuple[str, str | None]] = set()  # streams whose metadata.json lags behind
        self._written: dict[tuple[str, str | None], float] = {}  # when each was written last
        self._spans = Spans()
        self._experiment_due = self._parameters_due = False
        self._opened = False

    def deliver(self, records: Sequence[Record]) -> None:
        """Returns when the records are in the files for good; their seqs are dropped where they are there already.

        Without records: writes the JSON files that are due.
        Raises OSError (a full disk), LockTimeout, LeaseLost: nothing of this delivery counts, deliver again.
        """
        if records or self._is_due():
            self._deliver_unless_lost(records, all_that_is_due=not records)

    def settle(self) -> None:
        """Writes the JSON files that are due, unless they are many. Raises as `deliver`."""
        if self._is_due():
            self._deliver_unless_lost((), all_that_is_due=len(self._due) <= _METADATA_AT_ONCE)

    def _deliver_unless_lost(self, records: Sequence[Record], *, all_that_is_due: bool) -> None:
        with self._threads:
            try:
                self._deliver(records, all_that_is_due)
            except LeaseLost:  # this process stood still for long: once more, from what is acknowledged by now
                self._deliver(records, all_that_is_due)

    def _deliver(self, records: Sequence[Record], all_that_is_due: bool) -> None:
        with self._lock.hold(_LOCK_WAIT_S):
            self._acknowledged.refresh()
            self._open()
            self._fence()
            appends, seqs = self._plan(records)
            if seqs:
                try:
                    self._append_rows(appends)
                except OSError:  # a full disk: whoever reads the files by other means finds whole lines
                    for append in appends.values():
                        append.file.cut(append.before)
                    raise
                self._acknowledge(appends, seqs)
                self._note_due(appends)
                self._extend_indexes(appends)
            self._write_due(all_that_is_due)
            self._check_lease()

    def take_over(self, session: bytes) -> None:
        """Its process was killed, perhaps before it had written the metadata of what it had delivered."""
        with self._threads, self._lock.hold(_LOCK_WAIT_S):
            self._acknowledged.refresh()
            for stream in self._acknowledged.seqs:
                if stream.session == session and stream.kind in ("metrics", "tracks"):
                    self._due.add((stream.kind, stream.name))

    def finish(self, session: bytes) -> None:
        """All of the session is in the files, and its journal is deleted next: its seqs need not be kept."""
        if self._lock.by_lease:
            return
        # Where it can't be said, a disk that is full or a lock that others hold, the seqs are kept, which does no harm.
        with self._threads, contextlib.suppress(OSError, NotOurState), self._lock.hold(_FINISH_WAIT_S):
            self._acknowledged.refresh()
            if self._acknowledged.exists and not self._lock.by_lease:
                self._acknowledged.finish(session)

    def close(self) -> None:
        """Write the JSON files that are due."""
        self.deliver(())

    def _is_due(self) -> bool:
        return bool(self._due) or self._experiment_due or self._parameters_due

    def _open(self) -> None:
        """With the first delivery: the folders that are there from the start, and what a killed process left undone."""
        if self._opened:
            return
        for name in ("metrics", "logs", "tracks"):
            (self._folder.path / name).mkdir(parents=True, exist_ok=True)
        if not self._acknowledged.exists:
            # Before the first append: from now on what no acknowledgement knows is what a killed process left.
            with _followed_is_lost():
                self._acknowledged.append(adopt(self._folder, self._prefix), {})
        self._experiment_due = self._parameters_due = True
        self._opened = True

    def _plan(self, records: Sequence[Record]) -> tuple[dict[str, Append], dict[StreamOf, int]]:
        """Which records go to which file, and the seqs that are stored once they are there."""
        appends: dict[str, Append] = {}
        seqs: dict[StreamOf, int] = {}
        for record in records:
            stream = StreamOf(record.session, record.kind, record.name)
            stored = seqs.get(stream, self._acknowledged.next_seq(*stream))
            end = record.first_seq + record.count
            if end <= stored:
                continue
            name = self._folder.rows(record.kind, record.name)
            if name not in appends:
                file = RowFile(self._folder.path / name, TIME_OF[record.kind], self._fsync, self._check_lease)
                appends[name] = Append(record.kind, record.name, file, self._end_of(name, file.path), [])
            appends[name].parts.append(Part(record, max(0, stored - record.first_seq)))
            seqs[stream] = end
        return appends, seqs

    def _end_of(self, name: str, path: Path) -> FileEnd:
        """Where the next row goes: the acknowledged end, or less where someone has cut the file since."""
        end = self._acknowledged.end_of(name) or FileEnd()
        status = status_of(path) if end.bytes else None
        if end.bytes and (status is None or status.st_size < end.bytes):
            return whole_lines(path) if status is not None else FileEnd()
        return end

    def _fence(self) -> None:
        """Where a lease was broken, before anything is appended (fence.py)."""
        marks = self._lock.marks()
        if marks:
            with _followed_is_lost():
                self._acknowledged.raise_fence()
        for mark in marks:
            mark.unlink(missing_ok=True)

    def _check_lease(self) -> None:
        if not self._lock.still_held():
            # What it wrote last may lie over what another has written since.
            self._due.update(self._written)
            self._experiment_due = self._parameters_due = True
            self._acknowledged.forget()
            self._sources.clear()
            raise LeaseLost

    def _append_rows(self, appends: dict[str, Append]) -> None:
        fence, fenced = self._acknowledged.fence, self._acknowledged.fenced
        for name, append in appends.items():
            if fenced.get(name, 0) < fence:
                put_out_of_reach(append.file.path, fence, self._check_lease, append.before.bytes)
                put_out_of_reach(sources_of(append.file.path), fence, self._check_lease)
                self._sources.pop(name, None)
            append.pieces = list(pieces(append))
            append.after = append.file.append(append.before, append.pieces)
            if append.kind != "runs":  # these say it in each line
                self._sources_of(name).append(append.before.rows, map(span, append.parts))

    def _sources_of(self, name: str) -> SourceFile:
        sources = self._sources.get(name)
        if sources is None:
            sources = self._sources[name] = SourceFile(self._folder.path / name, self._fsync, self._check_lease)
        return sources

    def _acknowledge(self, appends: dict[str, Append], seqs: dict[StreamOf, int]) -> None:
        fence = self._acknowledged.fence
        fenced = dict.fromkeys(appends, fence) if fence else {}
        with _followed_is_lost():
            self._acknowledged.append({name: one.after for name, one in appends.items()}, seqs, fenced)
        # After it is written: a lease that is still ours now was not broken before, so its next holder has seen it.
        self._check_lease()

    def _extend_indexes(self, appends: dict[str, Append]) -> None:
        for append in appends.values():
            append.file.extend_index(append.before, append.after, append.pieces)

    def _note_due(self, appends: dict[str, Append]) -> None:
        for name, append in appends.items():
            if append.kind == "metrics":
                self._spans.follow(name, append.before, append.after, append.pieces)
            if append.kind in ("metrics", "tracks"):
                self._due.add((append.kind, append.name))
            elif append.kind == "params":
                self._parameters_due = True
            elif append.kind == "runs":
                self._experiment_due = True
                for part in append.parts:
                    for event in run_events_of(part.record.blocks, part.skip):
                        if isinstance(event, Describe) and event.kind in ("metrics", "tracks"):
                            self._due.add((event.kind, event.name))

    def _write_due(self, all_of_them: bool) -> None:
        if self._parameters_due:
            self._write_parameters()
        if self._experiment_due:
            self._write_experiment()
        now = time.monotonic()
        age_s = max(_METADATA_EVERY_S, min(len(self._due) / _METADATA_A_SECOND, _METADATA_LATEST_S))
        streams = [stream for stream in self._due if all_of_them or now - self._written.get(stream, -math.inf) >= age_s]
        if streams:
            self._runs.carry_on(self._rows("runs", ""))
        for stream in streams:
            self._write_metadata(*stream)
            self._written[stream] = now
            self._due.discard(stream)

    def _write_experiment(self) -> None:
        self._runs.carry_on(self._rows("runs", ""))
        if self._runs.rows:
            status = self._runs.status(live_sessions(self._folder.journal, for_people=True), time.time())
            write_json(self._folder.experiment, dict(experiment_file(self._prefix, self._runs, status)), self._fsync)
        self._experiment_due = False

    def _write_parameters(self) -> None:
        rows = self._rows("params", "")
        if self._parameters.version == 0:
            self._parameters.begin_with(read_json(self._folder.parameters), rows.count)
        before = self._parameters.version
        self._parameters.carry_on(rows)
        if rows.count and (self._parameters.version != before or not self._folder.parameters.exists()):
            write_json(self._folder.parameters, self._parameters.file(), self._fsync)
        self._parameters_due = False

    def _write_metadata(self, kind: str, name: str | None) -> None:
        path, about = self._folder.metadata(kind, name), self._runs.about(kind, name)
        if kind == "metrics":
            file = self._metric_file(name, about)
        else:
            file = track_file(
                self._prefix, str(name), self._rows(kind, name), about, read_json(path), iso_time(time.time())
            )
        try:
            write_json(path, file, self._fsync)
        except FileNotFoundError:  # described, and without data
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, file, self._fsync)

    def _metric_file(self, name: str | None, about: runs.About) -> dict[str, Any]:
        file = self._folder.rows("metrics", name)
        span = self._spans.of(file, self._acknowledged.end_of(file))
        if span is None:
            return metric_file(self._prefix, name, self._rows("metrics", name), about)
        first, last = points.time_text(span.first), points.time_text(span.last)
        return metric_facts(self._prefix, name, about, span.rows, first, last)

    def _rows(self, kind: str, name: str | None) -> StreamRows:
        file = self._folder.rows(kind, name)
        reader = self._readers.get(file)
        if reader is None:
            reader = self._readers[file] = RowReader(self._folder.path / file, TIME_OF[kind])
        reader.refresh(self._acknowledged.end_of(file))
        return StreamRows(reader, (), TIME_OF[kind])


@contextlib.contextmanager
def _followed_is_lost() -> Iterator[None]:
    try:
        yield
    except Followed:
        raise LeaseLost from None
