"""Stable-Baselines3: `model.learn(100_000, callback=MldashCallback("alice/cartpole/ppo"))`; or MldashWriter among the
outputs of a `Logger` of your own, which the callback makes and adds for you.

    params                        `algorithm`, `policy`, the spaces, and the model's settings (the callback alone)
    metrics rollout, time, train, eval   as Stable-Baselines3 names its keys, each with `step`, the timesteps: a point
                                  where it dumps its log, once a rollout, an update or so many episodes
    metric train                  also keys without a slash

What is recorded with `exclude="mldash"` (or `"log"`) is left out. HParam values become parameters; videos, figures and
images are counted, and said once. Nothing tells a writer of an exception: the process does.
"""

from collections.abc import Mapping
from typing import Any

from mldash.errors import PackageMissing
from mldash.experiment import Experiment

from .attached import Attached

try:
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import Figure, HParam, Image, KVWriter, Video
except ImportError as error:
    raise PackageMissing("stable-baselines3", "mldash.adapters.sb3", "stable-baselines3") from error

_EXCLUSIONS = frozenset(("mldash", "log"))
_NO_SETTINGS = frozenset(("start_time", "num_timesteps", "verbose", "tensorboard_log"))
_PLAIN = (bool, int, float, str)


class MldashWriter(KVWriter):
    """An output of `stable_baselines3.common.logger.Logger`, over any number of `learn`."""

    def __init__(self, experiment: str | Experiment | None = None, *, all_ranks: bool = False, **settings: Any) -> None:
        """A prefix, an Experiment, or None for MLDASH_PREFIX; `settings` are those of Experiment. Of several processes
        of a launcher rank 0 logs; with `all_ranks` each, and its points have a field `rank`.

        Raises what Experiment(…) raises for a prefix or settings that are none.
        """
        self.attached = Attached(experiment, settings, rest="train", all_ranks=all_ranks)

    @property
    def experiment(self) -> Experiment:
        """Its run is open from the first dump on."""
        return self.attached.experiment

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0) -> None:
        """A point of each metric that the keys name."""
        kept: dict[str, Any] = {}
        for key, value in key_values.items():
            if not _EXCLUSIONS.isdisjoint(key_excluded.get(key) or ()):
                continue
            if isinstance(value, HParam):
                self.attached.params(value.hparam_dict)
            elif isinstance(value, (Video, Figure, Image)):
                self.attached.unkept.count(type(value).__name__)
            else:
                kept[key] = value
        self.attached.write(kept, step=step)

    def close(self) -> None:
        """End the run, unless the user has opened it. Stable-Baselines3 itself does not call it."""
        self.attached.close()


class MldashCallback(BaseCallback):
    """Adds a writer to the model's log, beside the outputs that it has, and tells the model's settings."""

    def __init__(self, experiment: str | Experiment | None = None, *, all_ranks: bool = False, **settings: Any) -> None:
        """As MldashWriter."""
        super().__init__()
        self._writer = MldashWriter(experiment, all_ranks=all_ranks, **settings)

    @property
    def experiment(self) -> Experiment:
        """Its run is open from the begin of `learn` on."""
        return self._writer.experiment

    def close(self) -> None:
        """End the run, unless the user has opened it."""
        self._writer.close()

    def _on_training_start(self) -> None:
        # Each learn() makes a logger anew, unless the model was given one.
        if self._writer not in self.logger.output_formats:
            self.logger.output_formats.append(self._writer)
        self._writer.attached.guarded("the model's settings", self._tell_settings)

    def _on_step(self) -> bool:
        return True

    def _tell_settings(self) -> None:
        self._writer.attached.params(_settings_of(self.model))


def _settings_of(model: Any) -> Mapping[str, Any]:
    """What an algorithm keeps of its arguments: numbers and text, and what is named here. A rate that follows a
    schedule is text."""
    told: dict[str, Any] = {"algorithm": type(model).__name__, "policy": type(model.policy).__name__}
    told["observation_space"], told["action_space"] = str(model.observation_space), str(model.action_space)
    told["policy_kwargs"] = {**model.policy_kwargs}
    told["learning_rate"] = (
        model.learning_rate if isinstance(model.learning_rate, _PLAIN) else repr(model.learning_rate)
    )
    for name, value in vars(model).items():
        if not name.startswith("_") and name not in _NO_SETTINGS and isinstance(value, _PLAIN):
            told.setdefault(name, value)
    return told
