"""Lightning: `Trainer(logger=MldashLogger("alice/digits/mlp"))`, of `lightning` and of `pytorch_lightning`.

    params            the hyperparameters of module and data module, as save_hyperparameters() has kept them
    metric train      train_loss, loss, lr-Adam, …, with `step` (the optimizer's, from 0) and `epoch`
    metrics val, test keys that begin with val_ and test_, under their names without it
    metrics val_step, test_step   of them those that come without an epoch: values of single batches (on_step=True),
                      whose steps Lightning counts by themselves
    log               a line for each checkpoint that is the best so far or the last

Keys with a slash go to the metric before it. Lightning calls every process: the first one logs, or all with
`all_ranks`, each point with the field `rank`. Values are those of the process itself unless `sync_dist=True`.
"""

import sys
from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mldash.errors import PackageMissing
from mldash.experiment import Experiment

from .attached import Attached

if TYPE_CHECKING:
    from lightning.fabric.utilities.rank_zero import rank_zero_only
    from lightning.pytorch.loggers import Logger
elif "pytorch_lightning" in sys.modules and "lightning.pytorch" not in sys.modules:
    # Two packages, each with a class of its own: that of the script is taken, for it may check types (LightningCLI).
    from lightning_fabric.utilities.rank_zero import rank_zero_only
    from pytorch_lightning.loggers import Logger
else:
    try:
        from lightning.fabric.utilities.rank_zero import rank_zero_only
        from lightning.pytorch.loggers import Logger
    except ImportError:
        try:
            from lightning_fabric.utilities.rank_zero import rank_zero_only
            from pytorch_lightning.loggers import Logger
        except ImportError as error:
            raise PackageMissing("lightning", "mldash.adapters.lightning", "lightning") from error

_PARTS = ("val", "test")


class MldashLogger(Logger):
    """Writes to one experiment, over any number of calls of fit, validate and test. It can be pickled, as `ddp_spawn`
    does: each process opens a session of its own."""

    def __init__(
        self,
        experiment: str | Experiment | None = None,
        *,
        save_dir: str | None = None,
        all_ranks: bool = False,
        **settings: Any,
    ) -> None:
        """A prefix, an Experiment, or None for MLDASH_PREFIX; `settings` are those of Experiment. Checkpoints go to
        `save_dir/NAME/ID/checkpoints`, the trainer's default_root_dir where it is None.

        Raises what Experiment(…) raises for a prefix or settings that are none.
        """
        super().__init__()
        self._target = experiment if isinstance(experiment, Experiment) else Experiment(experiment, **settings)
        self._save_dir, self._all_ranks = save_dir, all_ranks
        self._attached: Attached | None = None
        self._checkpoint = ""

    @property
    def experiment(self) -> Experiment:
        """Its run is open, which this opens. Of a rank that is not logged, one that does nothing."""
        attached = self._of()
        attached.guarded("the start", lambda: None)
        return attached.experiment

    @property
    def name(self) -> str:
        """The last part of the prefix, for the folder of checkpoints."""
        return self._target.name.rpartition("/")[2]

    @property
    def version(self) -> str:
        """The begin of the experiment's id, the same on all ranks and in each run."""
        return self._target.id[:8]

    @property
    def save_dir(self) -> str | None:
        return self._save_dir

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """A point of each metric that the keys name."""
        fields: dict[str, Any] = {} if step is None else {"step": step}
        if "epoch" in metrics:
            fields["epoch"] = metrics["epoch"]
        values: dict[str, Any] = {}
        for key, value in metrics.items():
            if key != "epoch":
                told = _key_of(key, has_epoch="epoch" in metrics)
                values[key if told in values or (told != key and told in metrics) else told] = value
        self._of().write(values, **fields)

    def log_hyperparams(self, params: Mapping[str, Any] | Namespace, *args: Any, **named: Any) -> None:
        """Parameters."""
        self._of().params(vars(params) if isinstance(params, Namespace) else params)

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """A line."""
        self._of().guarded("a checkpoint", lambda: self._tell_checkpoint(checkpoint_callback))

    def finalize(self, status: str) -> None:
        """Lightning's word at the end of each fit, validate and test: only a failed one, whose error it is handling,
        ends the run, FAILED with the traceback, or CANCELLED by Ctrl-C."""
        if status == "failed" and self._attached is not None:
            self._attached.close(sys.exc_info()[1])

    def close(self) -> None:
        """End the run, unless the user has opened it."""
        if self._attached is not None:
            self._attached.close()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_attached": None}

    def _of(self) -> Attached:
        """Made anew in a process that was forked from another rank (`ddp_notebook`)."""
        rank = int(rank_zero_only.rank)
        if self._attached is None or self._attached.rank != rank:
            self._attached = Attached(self._target, {}, rest="train", all_ranks=self._all_ranks, rank=rank)
        return self._attached

    def _tell_checkpoint(self, callback: Any) -> None:
        path = str(getattr(callback, "best_model_path", "") or getattr(callback, "last_model_path", ""))
        if path and path != self._checkpoint:
            self._checkpoint = path
            score = getattr(callback, "best_model_score", None)
            about = {} if score is None else {"score": float(score)}
            self._of().line(f"checkpoint {path}", path=path, **about)


def _key_of(key: str, *, has_epoch: bool) -> str:
    """val_loss → val/loss, or val_step/loss; loss stays loss."""
    if "/" in key:
        name, _, field = key.partition("/")
        return f"{name}_step/{field}" if name in _PARTS and not has_epoch else key
    part, _, rest = key.partition("_")
    if part not in _PARTS or not rest:
        return key
    return f"{part}/{rest}" if has_epoch else f"{part}_step/{rest}"
