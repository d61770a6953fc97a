"""Ray Tune: `RunConfig(callbacks=[MldashCallback("alice/sweep")])`: an experiment a trial.

    alice/sweep/EXPERIMENT/TRIAL   params: the trial's configuration; metric `result`: what each report gave, its keys
                                   with a slash, and nested ones, in the metric before it; `step` is the trial's
                                   training_iteration
    log                            each checkpoint, and each start of a trial that was restored

EXPERIMENT is the name of Tune's folder, TRIAL the trial's id. COMPLETED, also of a trial that a scheduler stops early;
FAILED with the traceback of the worker; CANCELLED where the whole ends before the trial does. All of it is written by
the driver, which Tune calls.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mldash.errors import PackageMissing
from mldash.experiment import Experiment

from .attached import Attached

try:
    from ray.tune.logger import LoggerCallback
except ImportError as error:
    raise PackageMissing("ray[tune]", "mldash.adapters.ray_tune", "ray[tune]") from error

_CLOSE_TIMEOUT_S = 5.0
"""For the delivery of one trial, in the driver's loop: what is not delivered then stays in the journal."""

_TOLD_ELSEWHERE = frozenset(
    (
        *("config", "done", "training_iteration", "trial_id", "experiment_tag", "timestamp", "date", "hostname"),
        *("node_ip", "pid", "time_since_restore", "timesteps_since_restore", "iterations_since_restore"),
        *("should_checkpoint", "checkpoint_dir_name"),
    )
)
"""Keys that Tune adds to each result: what names the trial, its host and its configuration."""


class MldashCallback(LoggerCallback):
    """A callback of one Tuner. It can be pickled, as Tune does to go on later."""

    def __init__(self, prefix: str, **settings: Any) -> None:
        """`settings` are those of Experiment.

        Raises what Experiment(…) raises for a prefix or settings that are none.
        """
        self._prefix, self._settings = prefix.strip("/"), settings
        Experiment(f"{self._prefix}/experiment/trial", **settings)  # now, and not in the midst of a sweep
        self._trials: dict[str, Attached] = {}

    def prefix_of(self, trial: Any) -> str:
        """The prefix of a trial's experiment."""
        return f"{self._prefix}/{trial.experiment_dir_name}/{trial.trial_id}"

    def log_trial_start(self, trial: Any) -> None:
        """Parameters."""
        self._of(trial).params(trial.config)

    def log_trial_restore(self, trial: Any) -> None:
        """A line."""
        self._of(trial).line("restored from a checkpoint")

    def log_trial_save(self, trial: Any) -> None:
        """A line."""
        attached = self._of(trial)
        attached.guarded("a checkpoint", lambda: _tell_checkpoint(attached, trial))

    def log_trial_result(self, iteration: int, trial: Any, result: Mapping[str, Any]) -> None:
        """A point of each metric that the keys name."""
        told = {key: value for key, value in result.items() if key not in _TOLD_ELSEWHERE}
        self._of(trial).write(dict(_flat(told)), step=result.get("training_iteration"))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """The run's end."""
        attached = self._of(trial)
        del self._trials[trial.trial_id]
        if failed:
            attached.guarded("the end of a trial", lambda: attached.experiment.run.fail(_error_of(trial)))
        attached.close()

    def on_experiment_end(self, trials: Any, **info: Any) -> None:
        """What is still open, of a sweep that was interrupted or ran out of its time."""
        while self._trials:
            _, attached = self._trials.popitem()
            attached.guarded("the end of a trial", attached.experiment.run.cancel)
            attached.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_trials": {}}

    def _of(self, trial: Any) -> Attached:
        attached = self._trials.get(trial.trial_id)
        if attached is None:
            settings = {"close_timeout_s": _CLOSE_TIMEOUT_S, **self._settings}
            told = {"name": str(trial), "experiment": trial.experiment_dir_name, "tag": trial.experiment_tag}
            settings["metadata"] = {"ray_tune": told, **(settings.get("metadata") or {})}
            experiment = Experiment(self.prefix_of(trial), **settings)
            attached = self._trials[trial.trial_id] = Attached(experiment, {}, rest="result", asks_launcher=False)
        return attached


def _flat(result: Mapping[Any, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Nested results by keys with slashes, as Tune's own columns name them."""
    for key, value in result.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{key}/")
        else:
            yield f"{before}{key}", value


def _tell_checkpoint(attached: Attached, trial: Any) -> None:
    path = getattr(trial.checkpoint, "path", None)
    attached.line(f"checkpoint {path}" if path else "checkpoint", path=path)


def _error_of(trial: Any) -> str:
    """The traceback of the worker, as Tune has just written it: `trial.get_error()` looks where it is copied later."""
    try:
        told = Path(trial.error_file or "").read_text(errors="replace")
    except OSError:
        return f"trial {trial.trial_id} failed"
    return told.rpartition("Failure # ")[2]
