"""One `.swanlab` file → events: the part of a run that one process has written, in its order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mldash.events.schema import Describe, End, Error, Start
from mldash.importers.events import Event, LeftOut, Progress, RunEvent, Torn
from mldash.importers.protobuf import Malformed, fields
from mldash.importers.quiet import is_quiet
from mldash.importers.rows import RowPoints
from mldash.importers.values import about, name_of, text
from mldash.importers.wandb.frames import records

from . import records as said

_SYSTEM: Final = "__swanlab__."


class RunLog:
    """`part`: the place of the folder among those of its run; points of later ones have it as a field. `project`: the
    run's, within which its id is its own. `facts`: of the machine."""

    def __init__(self, path: Path, id: str, part: int, project: str, facts: dict[str, str]) -> None:
        self.path, self.id = path, id
        self._part, self._project, self._facts = part, project, facts

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        """From the record of the run on. A row that may go on is kept back until another record, or an hour, has
        passed. Raises OSError."""
        may_end = is_quiet(self.path.stat().st_mtime)
        reading = _Reading(self.path, self._part, self._project, self._facts, left)
        before = len(left.torn)
        for place, data in enumerate(records(self.path, left, progress, said.HEAD)):
            try:
                told = [*reading.take(data)]
            except Malformed as error:
                left.torn.append(Torn(self.path, place, 0, f"record {place} is left out: {error}", True))
                continue
            yield from told
        if may_end and not any(torn.is_damage for torn in left.torn[before:]):
            yield from reading.row()


class _Reading:
    """What is known of a file up to a record."""

    def __init__(self, path: Path, part: int, project: str, facts: dict[str, str], left: LeftOut) -> None:
        self._path, self._part, self._facts, self._left = path, part, facts, left
        self._known = {"imported_from": "swanlab", "imported_project": project}
        self._points = RowPoints(left, path.parent / "media")
        self._row: list[said.Scalar] = []
        self._has_begun = False

    def take(self, data: bytes) -> Iterator[Event | RunEvent]:
        """The events of a record. Raises Malformed."""
        for number, value in fields(data):
            if not isinstance(value, bytes):
                continue
            if number == said.START:
                yield from self._begun(said.run_of(value))
            elif not self._has_begun:
                continue
            elif number == said.SCALAR:
                scalar = said.scalar_of(value)
                if self._row and (self._row[0].step, self._row[0].time) != (scalar.step, scalar.time):
                    yield from self.row()
                self._row.append(scalar)
            elif number == said.MEDIA:
                self._left.count(said.medium_of(value), self._path.parent / "media")
            elif number == said.LOG:
                yield self._line(said.line_of(value))
            elif number == said.FINISH:
                yield from self.row()
                yield from _end(said.finish_of(value))

    def row(self) -> Iterator[Event]:
        """The points of the row that was begun."""
        row, self._row = self._row, []
        if not row:
            return
        _, step, at, _ = row[0]
        system = {name_of(one.key.removeprefix(_SYSTEM)): one.value for one in row if one.key.startswith(_SYSTEM)}
        if system:
            yield Event("metrics", name_of(f"system/{self._facts.get('host') or 'unknown'}"), at, system)
        values = {one.key: one.value for one in row if not one.key.startswith(_SYSTEM)}
        for event in self._points.events(at, step, values):
            if self._part:
                event.fields.setdefault("part", self._part)
            yield event

    def _begun(self, run: said.Run) -> Iterator[RunEvent]:
        if self._has_begun:
            return
        self._has_begun = True
        facts = {"name": run.name, "group": run.group, "job_type": run.job_type, "id": run.id}
        metadata = about({**self._known, "workspace": run.workspace, **facts, **self._facts}, self._left)
        yield Start(run.start, host=text(self._facts.get("host", "")))
        description, tags = text(run.description) or None, [text(tag) for tag in run.tags] or None
        yield Describe(run.start, description=description, tags=tags, metadata=metadata)

    def _line(self, line: said.Line) -> Event:
        level, stream = ("error", "stderr") if line.is_error else ("info", "stdout")
        told = {"level": level, "message": text(line.text), "metadata": {"stream": stream}}
        return Event("logs", "", line.time, told)


def _end(finish: said.Finish) -> Iterator[RunEvent]:
    status = said.STATUSES.get(finish.state)
    if status is not None:
        lines = finish.error.strip().splitlines()
        yield End(finish.time, status, Error("", text(lines[-1])) if lines and status == "FAILED" else None)
