"""`wandb.run`: a run in wandb's words over an Experiment. Rows go by incoming/rows.py, keys by incoming/points.py."""

import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from operator import index
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mldash.callbacks import warn
from mldash.events.schema import Describe
from mldash.experiment import Experiment
from mldash.incoming.board import Board
from mldash.incoming.points import Points
from mldash.incoming.rows import Row, Rows
from mldash.incoming.unkept import Unkept
from mldash.process.locks import reentrant_lock
from mldash.session.process_end import see_child_end

from . import current
from .calls import UnkeptCalls
from .errors import UsageError
from .run_config import Config
from .run_summary import Summary
from .settings import Place, Settings

HISTORY = "history"
"""The metric of keys without a slash."""


class Run(UnkeptCalls):
    """What `init` returns. `experiment` is the Experiment that it writes to."""

    url = None
    project_url = None
    sweep_id = None

    def __init__(self, experiment: Experiment, place: Place, first_step: int, *, resumed: bool, may_change: bool):
        """The experiment's run is open."""
        self.experiment, self.resumed, self.start_time = experiment, resumed, time.time()
        self.id, self.entity, self.project = place.id, place.entity, place.project
        self.group, self.job_type = place.group, place.job_type
        self.unkept = Unkept()
        self._place, self._name, self._tags, self._notes = place, place.name, place.tags, place.notes
        self._points = Points(experiment, self.unkept, HISTORY)
        self.board = Board(experiment, self._points, self.unkept)
        self._rows = Rows(first_step)
        self.starting_step = first_step
        self._lock = reentrant_lock()
        self._known: set[str] = set()
        self._has_ended = self._said_late = False
        self._begun_in = os.getpid()
        self.config = Config(self._set_params, may_change=may_change or resumed)
        self.summary = Summary(self._set_summary)

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """A row, or a part of one: without `step` it is written at once; with one it stays open for more of that step.

        Raises UsageError after the end; TypeError for data that is no dict, a key that is not text, a step that is not
        whole. Nothing else: a value that can't be stored is described, and what fails is a warning.
        """
        if self._has_ended:
            raise UsageError(f"run {self.id} is finished: nothing is logged to it any more. Call wandb.init() again")
        if type(data) is not dict and not isinstance(data, Mapping):
            raise TypeError("wandb.log must be passed a dictionary")
        if not self._known.issuperset(data):
            self._know(data)
        if step is not None:
            step = index(step)
        with self._lock:
            if step is None and (number := self._rows.take_alone(commit)) is not None:
                # The hot path (benchmarks/fronts.py): a row of one call, of which no copy is made.
                self.summary.remember(self._points.write(number, data))
                return
            for row in self._rows.take(data, step, commit):
                self._write(row)
            see_child_end()

    def define_metric(
        self,
        name: str,
        step_metric: Any = None,
        step_sync: Any = None,
        hidden: Any = None,
        summary: str | None = None,
        goal: str | None = None,
        *more: Any,
        **named: Any,
    ) -> "DefinedMetric":
        """Keys that `name` fits (`val/*`) are drawn over the key `step_metric`, which their points then hold too.
        `summary` ("min", "max", "mean", "best") is what the run's summary has of them, and its end writes."""
        if summary:
            self.summary.ask(str(name), str(summary), goal)
        axis = getattr(step_metric, "name", step_metric)
        if axis is not None:
            self._points.draw_over(str(name), str(axis))
        return DefinedMetric(str(name), None if axis is None else str(axis))

    def alert(self, title: str, text: str = "", level: Any = None, *more: Any, **named: Any) -> None:
        """A line of the log, of level warn."""
        metadata = {"alert": str(title), "level": str(getattr(level, "value", level) or "INFO")}
        self._points.guarded("an alert", lambda: self.experiment.logs.warn(f"{title}: {text}", **metadata))

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """Write what is open, end the run (FAILED where `exit_code` is not 0), and deliver. Harmless after the end."""
        if self._has_ended:
            return
        self.settle()
        run = self.experiment.run
        end = partial(run.fail, f"exit code {exit_code}") if exit_code else run.complete
        self._points.guarded("the end of the run", end)

    def settle(self) -> None:
        """What is open is written, and what was not stored is said: nothing more is logged by this run."""
        if self._has_ended:
            return
        with self._lock:
            for row in self._rows.close():
                self._write(row)
        self.board.close()
        if gathered := self.summary.gathered():
            self._points.write_one("summary", gathered)
        self._has_ended = True
        current.ended(self)
        self._points.say_unkept()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._has_ended:
            self.settle()
            self._points.guarded("the end of the run", partial(self.experiment.run.__exit__, kind, error, trace))

    @property
    def has_ended(self) -> bool:
        return self._has_ended

    @property
    def is_inherited(self) -> bool:
        """Whether the parent of this process has begun it: a forked child may log to it, and it is not its own."""
        return self._begun_in != os.getpid()

    @property
    def step(self) -> int:
        """The number of the open row, or of the next one."""
        return self._rows.step

    @property
    def name(self) -> str:
        """The id where none was given."""
        return self._name or self.id

    @name.setter
    def name(self, name: str) -> None:
        self._name = name
        metadata = {**self._place.metadata["wandb"], "name": str(name)}
        self._tell(metadata={"wandb": metadata})

    @property
    def tags(self) -> tuple[str, ...]:
        return self._tags

    @tags.setter
    def tags(self, tags: Any) -> None:
        self._tags = tuple(str(tag) for tag in tags or ())
        self._tell(tags=[*self._tags])

    @property
    def notes(self) -> str | None:
        return self._notes

    @notes.setter
    def notes(self, notes: str | None) -> None:
        self._notes = notes
        self._tell(description=str(notes or ""))

    @property
    def path(self) -> str:
        """entity/project/id"""
        return f"{self.entity}/{self.project}/{self.id}"

    @property
    def dir(self) -> str:
        """A folder for files of the script's own, made when it is asked for. What lies in it is not stored."""
        folder = Path(self._place.dir).absolute() / "mldash-files" / self.id
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    @property
    def settings(self) -> Settings:
        """Those that the run was placed by."""
        place = self._place
        told = {"run_id": self.id, "run_name": self.name, "run_group": self.group, "run_job_type": self.job_type}
        about = {"run_tags": self.tags, "run_notes": self.notes, "root_dir": place.dir}
        return Settings(project=self.project, entity=self.entity, mode=place.mode, resume=place.resume, **told, **about)

    def get_url(self) -> None:
        """There is no page of theirs."""

    get_project_url = get_url

    @property
    def offline(self) -> bool:
        return self._place.mode == "offline"

    @property
    def disabled(self) -> bool:
        return self.experiment.mode == "disabled"

    def guarded(self, what: str, call: Callable[[], object]) -> None:
        """A call that must not end a training: what it raises is a warning, once a cause."""
        self._points.guarded(what, call)

    def _know(self, data: Mapping[Any, Any]) -> None:
        if not all(isinstance(key, str) for key in data):
            raise TypeError("Key values passed to `wandb.log` must be strings.")
        if len(self._known) > 100_000:
            self._known.clear()
        self._known.update(data)

    def _write(self, row: Row) -> None:
        if row.late and not self._said_late:
            self._said_late = True
            warn(f"step {row.step} was logged behind step {self._rows.step}: wandb drops such rows, here none is")
        self.summary.remember(self._points.write(row.step, row.data))

    def _set_params(self, values: dict[str, Any]) -> None:
        self._points.guarded("the config", lambda: self.experiment.params.set(values))

    def _set_summary(self, values: dict[str, Any]) -> None:
        self._points.write_one("summary", values)

    def _tell(self, **about: Any) -> None:
        describe = Describe(time=time.time(), **about)
        self._points.guarded("a description", lambda: self.experiment._writer().append_run_event(describe))


class DefinedMetric:
    """What `define_metric` returns."""

    def __init__(self, name: str, step_metric: str | None) -> None:
        self.name, self.step_metric = name, step_metric
