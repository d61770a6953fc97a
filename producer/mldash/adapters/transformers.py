"""transformers: `Trainer(…, callbacks=[MldashCallback("alice/nlp/bert")])`; or, once this module is imported,
`TrainingArguments(report_to="mldash")`, whose prefix is MLDASH_PREFIX, else the user, the output_dir and the run_name.

    params            `args`: the training arguments, their tokens hidden; `model`: the model's configuration
    metric train      loss, grad_norm, learning_rate, …, with `step` and `epoch`
    metrics eval, test   keys that begin with eval_ and test_, under their names without it
    metric summary    what the Trainer tells at the end: train_runtime, train_loss, …
    log               each checkpoint, and from which step a training was resumed; its steps come again

The Trainer calls every process: the first one logs, or all with `all_ranks`, each point with the field `rank`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mldash.callbacks import warn
from mldash.errors import PackageMissing
from mldash.experiment import Experiment
from mldash.incoming.places import prefix_of, user_name
from mldash.process.environment import read_settings
from mldash.settings import SdkSettings

from .attached import Attached

try:
    from transformers import TrainerCallback
    from transformers.integrations import INTEGRATION_TO_CALLBACK
except ImportError as error:
    raise PackageMissing("transformers", "mldash.adapters.transformers", "transformers") from error

_PARTS = ("eval", "test")


class MldashCallback(TrainerCallback):
    """Writes to one experiment, over any number of Trainers. How the run ends is for the process to say, or for
    `close()`: of an exception the Trainer tells no callback."""

    def __init__(
        self,
        experiment: str | Experiment | None = None,
        *,
        see_nan: bool = False,
        all_ranks: bool = False,
        **settings: Any,
    ) -> None:
        """A prefix or an Experiment; `settings` are those of Experiment. `see_nan` turns logging_nan_inf_filter off: it
        is on by default, and then a loss that is NaN comes as 0 or as the mean of the others."""
        self._target, self._settings = experiment, settings
        self._see_nan, self._all_ranks = see_nan, all_ranks
        self._attached: Attached | None = None
        if experiment is not None:
            self._attached = self._made(experiment)

    @property
    def experiment(self) -> Experiment | None:
        """Its run is open from the first call on; None before that where no prefix was given."""
        return None if self._attached is None else self._attached.experiment

    def close(self) -> None:
        """End the run, unless the user has opened it."""
        if self._attached is not None:
            self._attached.close()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **named: Any) -> None:
        """Parameters."""
        if args.logging_nan_inf_filter and self._see_nan:
            args.logging_nan_inf_filter = False
        if not self._logs(state):
            return
        if args.logging_nan_inf_filter:
            warn(
                "logging_nan_inf_filter is on: a loss that is NaN comes as another number. MldashCallback(see_nan=True)"
            )
        attached = self._of(args)
        told = {"args": args, "model": getattr(model, "config", None)}
        attached.params({name: value for name, value in told.items() if value is not None})
        if state.global_step:
            attached.line(f"resumed from step {state.global_step}", resumed_from=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Mapping[str, Any] | None = None, **named: Any) -> None:
        """A point of each metric that the keys name."""
        if logs and self._logs(state):
            fields = {"step": state.global_step}
            if "epoch" in logs:
                fields["epoch"] = logs["epoch"]
            is_end = "train_runtime" in logs
            keys = {key: f"summary/{key}" if is_end else _key_of(key) for key in logs if key != "epoch"}
            self._of(args).write({told: logs[key] for key, told in keys.items()}, **fields)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], **named: Any) -> None:
        """What predict() measured."""
        if self._logs(state):
            self._of(args).write({_key_of(key): value for key, value in metrics.items()}, step=state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        """A line."""
        if self._logs(state):
            self._of(args).line(f"checkpoint at step {state.global_step}", folder=str(args.output_dir))

    def _logs(self, state: Any) -> bool:
        return self._all_ranks or bool(state.is_world_process_zero)

    def _of(self, args: Any) -> Attached:
        if self._attached is None:
            told = read_settings(SdkSettings, "", given={}).prefix
            prefix = told or prefix_of(user_name(), Path(args.output_dir).name or "trainer", args.run_name)
            self._attached = self._made(prefix)
        return self._attached

    def _made(self, target: str | Experiment) -> Attached:
        """The Trainer knows which process is the first; a launcher may mean ranks of something else."""
        return Attached(target, self._settings, rest="train", all_ranks=self._all_ranks, asks_launcher=False)


def _key_of(key: str) -> str:
    """As the Trainer's other integrations name it: eval_loss → eval/loss, loss → train/loss."""
    part, _, rest = key.partition("_")
    return f"{part}/{rest}" if part in _PARTS and rest else f"train/{key}"


INTEGRATION_TO_CALLBACK.setdefault("mldash", MldashCallback)
