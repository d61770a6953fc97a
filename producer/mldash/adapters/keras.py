"""Keras 3: `model.fit(…, callbacks=[MldashCallback("alice/digits/mlp")])`, whatever its backend is.

params         what fit() was given, the optimizer's configuration, the model's name and size
metric train   after each epoch: epoch, step (the optimizer's iterations), the logs, learning_rate
metric val     the logs that begin with val_, under their names without it
metric batch   with `batches=N`, each N batches: step, epoch and the logs, which Keras gives as the running mean of
               the epoch and not as the batch's own
metric test    of evaluate() alone
"""

from collections.abc import Mapping
from typing import Any

from mldash.errors import PackageMissing
from mldash.experiment import Experiment

from .attached import Attached

try:
    import keras
except ImportError as error:
    raise PackageMissing("keras", "mldash.adapters.keras", "keras>=3") from error


class MldashCallback(keras.callbacks.Callback):
    """Writes to one experiment, over any number of fits. How the run ends is for the process to say, or for `close()`;
    one that the user opened stays open."""

    def __init__(
        self,
        experiment: str | Experiment | None = None,
        *,
        batches: int = 0,
        all_ranks: bool = False,
        **settings: Any,
    ) -> None:
        """A prefix, an Experiment, or None for MLDASH_PREFIX; `settings` are those of Experiment.

        `batches`: log each so many batches too (0: none), which waits for the device. Of several processes rank 0 logs;
        with `all_ranks` each, and its points have a field `rank`.
        """
        super().__init__()
        self._attached = Attached(experiment, settings, rest="train", all_ranks=all_ranks)
        self._batches = batches
        self._epoch = 0
        self._is_fitting = False

    @property
    def experiment(self) -> Experiment:
        """Its run is open from the first call of a hook on."""
        return self._attached.experiment

    def close(self) -> None:
        """End the run, unless the user has opened it."""
        self._attached.close()

    def set_params(self, params: Mapping[str, Any]) -> None:
        # At the begin of each fit, predict or evaluate of its own: one that Ctrl-C left had no end.
        super().set_params(params)
        self._is_fitting = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        self._is_fitting = True
        self._attached.guarded("the model's configuration", self._tell_configuration)

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        # With steps_per_execution=N the batch that ends is each N-th: 1, 3, 5.
        if self._batches and (batch + 1) % self._batches == 0:
            self._write("batch", logs, epoch=self._epoch)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        logs = logs or {}
        own = {name: value for name, value in logs.items() if not name.startswith("val_")}
        rate = self._learning_rate()
        if rate is not None:
            own.setdefault("learning_rate", rate)
        self._write("train", own, epoch=epoch)
        validated = {name.removeprefix("val_"): value for name, value in logs.items() if name.startswith("val_")}
        self._write("val", validated, epoch=epoch)

    def on_train_end(self, logs: Mapping[str, Any] | None = None) -> None:
        self._is_fitting = False

    def on_test_end(self, logs: Mapping[str, Any] | None = None) -> None:
        if not self._is_fitting:
            self._write("test", logs)

    def _write(self, metric: str, logs: Mapping[str, Any] | None, **fields: Any) -> None:
        if logs:
            step = self._step()
            fields = fields if step is None else {**fields, "step": step}
            self._attached.write({f"{metric}/{name}": value for name, value in logs.items()}, **fields)

    def _step(self) -> int | None:
        """It goes on over fits; None of a model without an optimizer."""
        iterations = getattr(getattr(self.model, "optimizer", None), "iterations", None)
        return None if iterations is None else int(iterations)

    def _learning_rate(self) -> float | None:
        rate = getattr(getattr(self.model, "optimizer", None), "learning_rate", None)
        return None if rate is None else float(keras.ops.convert_to_numpy(rate))

    def _tell_configuration(self) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        told: dict[str, Any] = {"fit": dict(self.params or {}), "backend": keras.backend.backend()}
        told["model"] = {"name": self.model.name, "parameters": self.model.count_params()}
        if optimizer is not None:
            told["optimizer"] = optimizer.get_config()
        self._attached.params(told)
