"""One `.wandb` file → events: the part of a run that one process has written, in its order."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from mldash.events.schema import Describe, End, Error, Start, Status
from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.protobuf import Malformed, fields, message, signed, text
from mldash.importers.quiet import QUIET_S
from mldash.importers.values import about, parameters
from mldash.importers.values import text as storable_text

from . import records as said
from .console import Console
from .frames import records
from .rows import Rows, summary_point

_AFTER_EXIT_S: Final = 60.0
"""After an exit what follows it is written within this time."""
_CANCELLED: Final = 255
_INNER: Final = ("_wandb", "_step", "_runtime", "_timestamp")


class RunLog:
    """`part`: the place of the folder among those of its run; points of later ones have it as a field. `project`: the
    run's, within which its id is its own."""

    def __init__(self, path: Path, id: str, part: int, project: str) -> None:
        self.path, self.id = path, id
        self._part, self._project = part, project

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """From the record of the run on; the end once nothing can follow any more. Raises OSError."""
        idle_s = time.time() - self.path.stat().st_mtime
        reading = _Reading(self.path, self._part, self._project, left)
        for place, data in enumerate(records(self.path, left, progress)):
            try:
                told = [*reading.take(data)]
            except Malformed as error:
                left.torn.append(Torn(self.path, place, 0, f"record {place} is left out: {error}", True))
                continue
            yield from told
        if reading.run is not None and (
            reading.has_footer or idle_s > (_AFTER_EXIT_S if reading.exit_code is not None else QUIET_S)
        ):
            yield from reading.end()


class _Reading:
    """What is known of a file up to a record."""

    def __init__(self, path: Path, part: int, project: str, left: LeftOut) -> None:
        self.run: said.Run | None = None
        self.exit_code: int | None = None
        self.has_footer = False
        self._path, self._project, self._left = path, project, left
        self._now = 0.0
        self._rows = Rows(part, left, path.parent / "files")
        self._console = Console()
        self._summary: dict[said.Path, Any] = {}
        self._environment: dict[str, Any] = {}
        self._told: Describe | None = None
        self._is_preempting = False
        self._takers: dict[int, Callable[[bytes], Iterable[Event | RunEvent]]] = {
            said.HISTORY: self._history,
            said.SUMMARY: self._summarised,
            said.OUTPUT: self._output,
            said.OUTPUT_RAW: self._output,
            said.CONFIG: self._config,
            said.STATS: self._statistics,
            said.ALERT: self._alert,
            said.METRIC: self._rows.define,
            said.ARTIFACT: self._artifact,
            said.BOARD: self._board,
            said.ENVIRONMENT: self._ran_in,
        }

    def take(self, data: bytes) -> Iterator[Event | RunEvent]:
        """The events of a record. Raises Malformed."""
        for number, value in fields(data):
            if number == said.RUN and isinstance(value, bytes):
                yield from self._begun(value)
            elif number == said.EXIT and isinstance(value, bytes):
                self.exit_code = signed(message(value).get(1))
            elif number == said.PREEMPTING:
                self._is_preempting = self.exit_code is None
            elif number == said.FOOTER:
                self.has_footer = True
            elif self.run is not None and isinstance(value, bytes) and number in self._takers:
                yield from self._takers[number](value)

    def end(self) -> Iterator[Event | RunEvent]:
        """What is known only once all of it is there."""
        for is_error, at, line in self._console.rest():
            yield self._line(is_error, at, line)
        known = self._rows.seen
        values = {path: one for path, one in self._summary.items() if path not in known and path[0] not in _INNER}
        point = summary_point(values, self._left)
        if point:
            yield Event("metrics", "summary", self._now, point)
        if self.exit_code is not None:
            yield End(self._now, *self._status(self.exit_code))

    def _status(self, exit_code: int) -> tuple[Status, Error | None]:
        if self._is_preempting:
            return "PREEMPTED", None
        if exit_code == 0:
            return "COMPLETED", None
        if exit_code == _CANCELLED:
            return "CANCELLED", None
        return "FAILED", Error("", f"exit code {exit_code}")

    def _begun(self, data: bytes) -> Iterator[Event | RunEvent]:
        """A run's record comes again where it has changed."""
        before, run = self.run, said.run_of(data)
        self.run = run
        if before is None:
            self._now = run.start
            yield Start(run.start, host=storable_text(run.host))
        yield from self._described()
        config = {key: value for key, value in run.config.items() if key not in _INNER}
        if config and (before is None or before.config != run.config):
            yield from self._parameters(config)

    def _described(self) -> Iterator[RunEvent]:
        run = self.run
        assert run is not None
        facts = {"name": run.name, "group": run.group, "job_type": run.job_type, "sweep": run.sweep, "id": run.id}
        known = {"imported_from": "wandb", "imported_project": self._project}
        metadata = about({**known, **facts, **self._environment}, self._left)
        notes, tags = storable_text(run.notes) or None, [storable_text(tag) for tag in run.tags] or None
        told = Describe(run.start, description=notes, tags=tags, metadata=metadata)
        if told != self._told:
            self._told = told
            yield told

    def _ran_in(self, data: bytes) -> Iterator[RunEvent]:
        facts, has_email = said.environment_of(data)
        if has_email:
            self._left.count("e-mail")
        self._environment |= facts
        yield from self._described()

    def _parameters(self, config: dict[str, Any]) -> Iterator[Event]:
        flat = parameters(config, self._left)
        if flat:
            yield Event("params", "", self._now, flat)

    def _config(self, data: bytes) -> Iterator[Event]:
        config = said.nested(said.items(data))
        yield from self._parameters({key: value for key, value in config.items() if key not in _INNER})

    def _history(self, data: bytes) -> Iterator[Event | RunEvent]:
        found = message(data)
        row = [*said.items(data)]
        inner = {path[0]: value for path, value in row if path[0] in _INNER}
        at = inner.get("_timestamp")
        self._now = float(at) if isinstance(at, (int, float)) and at == at else self._now
        step = inner.get("_step")
        if not isinstance(step, int):
            step = signed(message(found.get(2, b"")).get(1))
        yield from self._rows.events(self._now, step, [(path, value) for path, value in row if path[0] not in _INNER])

    def _summarised(self, data: bytes) -> Sequence[Event]:
        for path, value, is_removed in said.keys(data):
            if is_removed:
                self._summary.pop(path, None)
            elif path not in self._rows.seen:
                self._summary[path] = said.decoded(value)
        return ()

    def _statistics(self, data: bytes) -> Iterator[Event]:
        assert self.run is not None
        at, values = said.statistics_of(data)
        self._now = at or self._now
        yield from self._rows.statistics(self._now, self.run.host, values)

    def _output(self, data: bytes) -> Iterator[Event]:
        is_error, at, piece = said.line_of(data)
        self._now = at or self._now
        for line in self._console.take(is_error, self._now, piece):
            yield self._line(*line)

    def _line(self, is_error: bool, at: float, line: str) -> Event:
        level, stream = ("error", "stderr") if is_error else ("info", "stdout")
        told = {"level": level, "message": storable_text(line), "metadata": {"stream": stream}}
        return Event("logs", "", at, told)

    def _alert(self, data: bytes) -> Iterator[Event]:
        found = message(data)
        line = f"{text(found.get(1))}: {text(found.get(2))}"
        metadata = {"alert": text(found.get(1)), "level": text(found.get(3)) or "INFO"}
        yield Event("logs", "", self._now, {"level": "warn", "message": line, "metadata": metadata})

    def _artifact(self, data: bytes) -> Sequence[Event]:
        self._left.count("artifact", self._path.parent / "files")
        return ()

    def _board(self, data: bytes) -> Sequence[Event]:
        self._left.count("TensorBoard log", text(message(data).get(1)))
        return ()
