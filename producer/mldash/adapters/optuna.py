"""Optuna: `study.optimize(objective, callbacks=[MldashCallback("alice/sweep")])`: an experiment a trial.

    alice/sweep/trial-0007   params, metric `intermediate` (step, value), metric `objective` (value or values, state,
                             duration_s). COMPLETED; FAILED (also of NaN); CANCELLED where it was pruned
    alice/sweep/study        metric `trials`, a point a trial: number, state, value or values, best, the params

Each process that optimizes tells its own trials, whatever its rank: numbers of trials are the storage's to give.
An objective may log to its trial's own experiment: `Experiment(callback.prefix_of(trial))`. A trial that raises an
error which `catch` does not name ends the study before any callback is asked; so it is not there.
"""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from mldash.errors import PackageMissing
from mldash.experiment import Experiment
from mldash.process.locks import reentrant_lock

from .attached import Attached

try:
    import optuna
except ImportError as error:
    raise PackageMissing("optuna", "mldash.adapters.optuna", "optuna>=4") from error

_CLOSE_TIMEOUT_S = 5.0
"""For the delivery of one trial: what is not delivered then stays in the journal, and goes with the next one."""


class MldashCallback:
    """May be called by several threads at once (`n_jobs`). The study's run ends with `close()`, with the block, or with
    the process."""

    def __init__(
        self, prefix: str, *, names: Sequence[str] | None = None, tags: Sequence[str] | None = None, **settings: Any
    ) -> None:
        """`names` of the objectives, in their order; without them one is `value`, and several are `value_0`, ….
        `settings` are those of Experiment."""
        self._prefix = prefix.strip("/")
        self._names = names
        self._settings: Mapping[str, Any] = {"tags": tags, **settings}
        self._study = Attached(f"{self._prefix}/study", self._settings, rest="trials", asks_launcher=False)
        self._lock = reentrant_lock()
        self._told = False

    def prefix_of(self, trial: Any) -> str:
        """The prefix of a trial's experiment."""
        return f"{self._prefix}/trial-{trial.number:04}"

    def __call__(self, study: Any, trial: Any) -> None:
        """What Optuna calls after each trial."""
        self._study.guarded(f"trial {trial.number}", lambda: self._tell_trial(trial))
        self._study.guarded("the study", lambda: self._tell_study(study, trial))

    def close(self) -> None:
        """End the study's run."""
        self._study.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._study.experiment.run.__exit__(kind, error, trace)
        self.close()

    def _tell_trial(self, trial: Any) -> None:
        settings = {"close_timeout_s": _CLOSE_TIMEOUT_S, **self._settings}
        metadata = {"optuna": {"number": trial.number, "state": trial.state.name}}
        experiment = Experiment(self.prefix_of(trial), metadata=metadata, **settings)
        attached = Attached(experiment, {}, rest="objective", asks_launcher=False)
        attached.params(trial.params)
        for step, value in sorted(trial.intermediate_values.items()):
            attached.write({"intermediate/value": value}, step=step)
        attached.write(self._outcome(trial))
        run = attached.experiment.run
        if trial.state is optuna.trial.TrialState.FAIL:
            run.fail(f"trial {trial.number} failed, or gave no number")
        elif trial.state is optuna.trial.TrialState.PRUNED:
            run.cancel()
        attached.close()

    def _tell_study(self, study: Any, trial: Any) -> None:
        with self._lock:
            first, self._told = not self._told, True
        if first:
            told = {"name": study.study_name, "directions": [one.name for one in study.directions]}
            parts = {"sampler": type(study.sampler).__name__, "pruner": type(study.pruner).__name__}
            self._study.params({"study": {**told, **parts}})
        row = {"number": trial.number, **self._outcome(trial), "params": trial.params}
        best = None if len(study.directions) > 1 else _best_of(study)
        self._study.write(row if best is None else {**row, "best": best})

    def _outcome(self, trial: Any) -> dict[str, Any]:
        values = trial.values or []
        names = self._names or (["value"] if len(values) == 1 else [f"value_{at}" for at in range(len(values))])
        outcome: dict[str, Any] = dict(zip(names, values, strict=False))
        outcome["state"] = trial.state.name
        if trial.duration is not None:
            outcome["duration_s"] = trial.duration.total_seconds()
        return outcome


def _best_of(study: Any) -> float | None:
    """None before a trial is complete."""
    try:
        return float(study.best_value)
    except ValueError:
        return None
