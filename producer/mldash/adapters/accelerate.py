"""Accelerate: `Accelerator(log_with=MldashTracker("alice/robots/walk"))`, then `accelerator.init_trackers(…)` as ever.

Keys go to metrics by the part before their last slash, the others to the metric `train`, each with the field `step`;
where `log` is given none, the tracker counts. Accelerate gives a tracker's calls to the first process alone: others log
by an Experiment of their own. The project name of `init_trackers` does not reach a tracker that was given as an object,
so the prefix stands here. Images and tables are counted, and said once.
"""

from collections.abc import Mapping
from typing import Any

from mldash.errors import PackageMissing
from mldash.experiment import Experiment

from .attached import Attached

try:
    from accelerate.tracking import GeneralTracker
except ImportError as error:
    raise PackageMissing("accelerate", "mldash.adapters.accelerate", "accelerate") from error


class MldashTracker(GeneralTracker):
    """A tracker of one experiment. `accelerator.get_tracker("mldash").tracker` is the Experiment."""

    name = "mldash"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, experiment: str | Experiment | None = None, **settings: Any) -> None:
        """A prefix, an Experiment, or None for MLDASH_PREFIX; `settings` are those of Experiment."""
        super().__init__()
        self._attached = Attached(experiment, settings, rest="train", asks_launcher=False)
        self._next_step = 0

    @property
    def tracker(self) -> Experiment:
        """Its run is open from the first call of a hook on."""
        return self._attached.experiment

    def start(self) -> None:
        """Open the run."""
        self._attached.guarded("the start", lambda: None)

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Parameters."""
        self._attached.params(values)

    def log(self, values: Mapping[str, Any], step: int | None = None, **named: Any) -> None:
        """A point a metric."""
        step = self._next_step if step is None else step
        self._next_step = step + 1
        self._attached.write(values, step=step)

    def log_images(self, values: Mapping[str, Any], step: int | None = None, **named: Any) -> None:
        """Not kept."""
        self._attached.unkept.count("image")

    def log_table(self, *args: Any, **named: Any) -> None:
        """Not kept."""
        self._attached.unkept.count("table")

    def finish(self) -> None:
        """End the run, unless the user has opened it."""
        self._attached.close()
