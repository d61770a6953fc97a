"""What `trackio.init` returns: a run in trackio's words over an Experiment. Each call is a row of its own."""

import os
import socket
from collections.abc import Mapping
from functools import partial
from operator import index
from types import TracebackType
from typing import Any, Self

from mldash.callbacks import warn
from mldash.experiment import Experiment
from mldash.incoming.media import Artifact
from mldash.incoming.points import Points
from mldash.incoming.unkept import Unkept
from mldash.process.locks import reentrant_lock
from mldash.session.process_end import call_before_end, call_no_more

from . import current

HISTORY = "history"
"""The metric of keys without a slash."""


class Run:
    """`experiment` is the Experiment that it writes to."""

    url = None

    def __init__(
        self,
        experiment: Experiment,
        project: str,
        name: str,
        group: str | None,
        first_step: int,
        config: Mapping[str, Any],
    ) -> None:
        """The experiment's run is open."""
        self.experiment, self.project, self.name, self.group = experiment, project, name, group
        self.id = experiment.id
        self.config: dict[str, Any] = {str(key): value for key, value in config.items()}
        """As the script leaves it: what it changes is told with the first row, and at the end."""
        self.unkept = Unkept()
        self._points = Points(experiment, self.unkept, HISTORY)
        self._next_step = first_step
        self._lock = reentrant_lock()
        self._told: dict[str, Any] = {}
        self._has_rows = self._has_ended = False
        self._begun_in = os.getpid()
        self._tell_config()
        call_before_end(self.settle)  # how the run ended is for the SDK to see

    def log(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """A row: one point of each metric that the keys name before their last slash, with the field `step`. Without
        `step` it is one more than the greatest so far. As with trackio, nothing is raised: what fails is a warning."""
        if self._has_ended:
            warn(f"run {self.name} is finished: nothing is logged to it any more. Call trackio.init() again")
            return
        if not self._has_rows:
            self._has_rows = True
            self._tell_config()
        self._points.guarded("a row", partial(self._log, metrics, step))

    def log_system(self, metrics: Mapping[str, Any]) -> None:
        """A point of the metric `system/HOST`, without a step."""
        self._points.write_one(f"system/{socket.gethostname()}", metrics)

    def alert(self, title: str, text: str | None = None, level: Any = "warn", *more: Any, **named: Any) -> None:
        """A line of the log, of the alert's level."""
        told = str(getattr(level, "value", level))
        metadata = {"alert": str(title), "step": max(self._next_step - 1, 0)}
        line = f"{title}: {text}" if text else str(title)
        self._points.guarded("an alert", lambda: self.experiment.logs.log(line, told, metadata))

    def log_artifact(self, artifact: Any, name: str | None = None, *more: Any, **named: Any) -> Artifact:
        """The artifact, unchanged."""
        self.unkept.count("Artifact")
        return artifact if isinstance(artifact, Artifact) else Artifact(name or str(artifact))

    def finish(self) -> None:
        """End the run, and deliver. Harmless after the end."""
        if not self._has_ended:
            self.settle()
            self._points.guarded("the end of the run", self.experiment.run.complete)

    def settle(self) -> None:
        """What was not stored is said: nothing more is logged by this run."""
        if self._has_ended:
            return
        self._has_ended = True
        current.ended(self)
        call_no_more(self.settle)
        if not self.is_inherited:
            self._tell_config()
        self._points.say_unkept()

    @property
    def is_inherited(self) -> bool:
        """Whether the parent of this process has begun it: a forked child may log to it, and it is not its own."""
        return self._begun_in != os.getpid()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._has_ended:
            self.settle()
            self._points.guarded("the end of the run", partial(self.experiment.run.__exit__, kind, error, trace))

    def _log(self, metrics: Mapping[str, Any], step: int | None) -> None:
        with self._lock:
            number = self._next_step if step is None else index(step)
            self._next_step = max(self._next_step, number + 1)
        self._points.write(number, {str(key): value for key, value in metrics.items()})

    def _tell_config(self) -> None:
        new = {key: value for key, value in self.config.items() if self._told.get(key, self) is not value}
        if new:
            self._told.update(new)
            self._points.guarded("the config", lambda: self.experiment.params.set(new))
