"""An experiment that hooks of a framework write to.

Who logs is for the framework to say where it knows. Where it does not, the launcher is asked: of a world of several
ranks rank 0 logs, unless all are asked for: then each point has a field `rank`. A rank of a world of unknown size may
be a job of its own, so it logs. A run that the user has opened stays the
user's; one that is opened here goes on over several trainings, and ends with `close()` or with the process, which knows
of an exception what most hooks are not told: FAILED, with the traceback.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from mldash.callbacks import warn
from mldash.experiment import Experiment
from mldash.incoming.points import Points
from mldash.incoming.starting import started
from mldash.incoming.unkept import Unkept
from mldash.session.jobs import without_job
from mldash.session.launchers import placement


class Attached:
    """Opens its run with the first call that needs it. No call raises for what it is given."""

    def __init__(
        self,
        target: str | Experiment | None,
        settings: Mapping[str, Any],
        *,
        rest: str,
        all_ranks: bool = False,
        asks_launcher: bool = True,
        rank: int | None = None,
    ) -> None:
        """`target`: a prefix, an Experiment, or None for MLDASH_PREFIX. `rest`: the metric of keys without a slash.
        `asks_launcher=False`: calls come only where they are to be logged. `rank`: as the framework says that it is,
        which counts before the launcher.

        Raises what Experiment(…) raises for a prefix or settings that are none.
        """
        experiment = target if isinstance(target, Experiment) else Experiment(target, **settings)
        place = placement(experiment.settings)
        is_launched = asks_launcher and (place.world_size or 1) > 1
        self.rank = (place.rank or 0) if rank is None else rank
        if self.rank and not all_ranks and (rank is not None or is_launched):
            if rank is None:  # the framework that knows its ranks calls each of them, as a matter of course
                warn(f"{experiment.prefix}: rank {self.rank} is not logged, rank 0 is; all_ranks=True logs each")
            experiment = Experiment(without_job(experiment.prefix), mode="disabled")
        self._experiment, self._rest, self._all_ranks = experiment, rest, all_ranks
        self._owns = not experiment.run.is_open
        self._points: Points | None = None
        self.unkept = Unkept()

    @property
    def experiment(self) -> Experiment:
        """Its run is open from the first call of a hook to `close()`."""
        return self._experiment

    def write(self, values: Mapping[str, Any], **fields: Any) -> None:
        """A point of each metric that the keys name, each with these fields."""
        points = self._opened()
        if self._all_ranks:
            fields["rank"] = self.rank
        metrics: dict[str, dict[str, Any]] = {}
        for key, value in values.items():
            name, _, _ = key.rpartition("/")
            metrics.setdefault(name, {})[key] = value
        for name, held in metrics.items():
            before = f"{name}/" if name else ""
            points.write(None, {**{f"{before}{field}": value for field, value in fields.items()}, **held})

    def params(self, values: Mapping[str, Any]) -> None:
        """Parameters; odd values become text."""
        self.guarded("parameters", lambda: self.experiment.params.set(values))

    def line(self, message: str, **metadata: Any) -> None:
        """A line of the log, not printed: frameworks print their own."""
        self.guarded("a line", lambda: self.experiment.logs.take("info", message, metadata))

    def guarded(self, what: str, call: Callable[[], object]) -> None:
        """What it raises is a warning, once a cause."""
        self._opened().guarded(what, call)

    def close(self, error: BaseException | None = None) -> None:
        """Say what was not stored, and end the run, if it was opened here: by the error, where there is one. What comes
        after it goes on with the run."""
        if self._points is None:
            return
        points, self._points = self._points, None
        points.say_unkept()
        self.unkept.forget()
        if self._owns:
            trace = None if error is None else error.__traceback__
            end = partial(self._experiment.run.__exit__, None if error is None else type(error), error, trace)
            points.guarded("the end of the run", end)

    def _opened(self) -> Points:
        if self._points is None:
            if self._owns:
                self._experiment = started(self._experiment)
            self._points = Points(self._experiment, self.unkept, self._rest)
        return self._points
