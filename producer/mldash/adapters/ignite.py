"""PyTorch-Ignite: `MldashLogger("alice/digits/cnn")`, whose handlers are attached as those of Ignite's own loggers.

    logger.attach_output_handler(trainer, Events.ITERATION_COMPLETED, tag="train", output_transform=lambda loss: …)
    logger.attach_output_handler(evaluator, Events.EPOCH_COMPLETED, tag="val", metric_names="all",
                                 global_step_transform=global_step_from_engine(trainer))
    logger.attach_opt_params_handler(trainer, Events.ITERATION_COMPLETED, optimizer=optimizer)

    metric TAG      the engine's metrics, output and attributes, with `step`: what global_step_transform gives, else the
                    engine's own count of the event
    metric lr       `group_0`, `group_1`, … of the optimizer's parameter `lr`, below TAG where one is given
    params          what `logger.params(…)` is given

Engines call every process: the first one of Ignite's distributed world logs, or all with `all_ranks`, each point with
the field `rank`. Of an exception Ignite tells no logger: leave the block `with MldashLogger(…) as logger`, or the
process, and the run is FAILED.
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from mldash.errors import PackageMissing
from mldash.experiment import Experiment

from .attached import Attached

try:
    import ignite.distributed as idist
    from ignite.handlers.base_logger import BaseLogger, BaseOptimizerParamsHandler, BaseOutputHandler
except ImportError as error:
    raise PackageMissing("pytorch-ignite", "mldash.adapters.ignite", "pytorch-ignite") from error


class MldashLogger(BaseLogger):
    """Writes to one experiment, over any number of engines. How the run ends is for the block, the process or `close()`
    to say; one that the user opened stays open."""

    def __init__(self, experiment: str | Experiment | None = None, *, all_ranks: bool = False, **settings: Any) -> None:
        """A prefix, an Experiment, or None for MLDASH_PREFIX; `settings` are those of Experiment.

        Raises what Experiment(…) raises for a prefix or settings that are none.
        """
        self._target = experiment if isinstance(experiment, Experiment) else Experiment(experiment, **settings)
        self._all_ranks = all_ranks
        self._attached: Attached | None = None

    @property
    def experiment(self) -> Experiment:
        """Its run is open, which this opens. Of a rank that is not logged, one that does nothing."""
        attached = self._of()
        attached.guarded("the start", lambda: None)
        return attached.experiment

    def params(self, values: Mapping[str, Any]) -> None:
        """Parameters; odd values become text."""
        self._of().params(values)

    def write(self, values: Mapping[str, Any], step: int) -> None:
        """A point of each metric that the keys name. What the handlers call."""
        self._of().write(values, step=step)

    def guarded(self, what: str, call: Any) -> None:
        """What it raises is a warning, once a cause."""
        self._of().guarded(what, call)

    def close(self) -> None:
        """End the run, unless the user has opened it."""
        if self._attached is not None:
            self._attached.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._attached is not None:
            self._attached.close(error)

    def _of(self) -> Attached:
        """Made with the first call: the world may begin after the logger was made."""
        if self._attached is None:
            rank = int(idist.get_rank())
            self._attached = Attached(self._target, {}, rest="train", all_ranks=self._all_ranks, rank=rank)
        return self._attached

    def _create_output_handler(self, *args: Any, **named: Any) -> "OutputHandler":
        return OutputHandler(*args, **named)

    def _create_opt_params_handler(self, *args: Any, **named: Any) -> "OptimizerParamsHandler":
        return OptimizerParamsHandler(*args, **named)


class OutputHandler(BaseOutputHandler):
    """An engine's output, metrics and attributes: arguments as those of Ignite's own."""

    def __call__(self, engine: Any, logger: MldashLogger, event_name: Any) -> None:
        """What an engine calls."""
        logger.guarded(f"the output {self.tag!r:.120}", lambda: self._write(engine, logger, event_name))

    def _write(self, engine: Any, logger: MldashLogger, event_name: Any) -> None:
        step = int(self.global_step_transform(engine, event_name))
        logger.write(self._setup_output_metrics_state_attrs(engine, log_text=True, key_tuple=False), step)


class OptimizerParamsHandler(BaseOptimizerParamsHandler):
    """A parameter of an optimizer's groups: arguments as those of Ignite's own."""

    def __call__(self, engine: Any, logger: MldashLogger, event_name: Any) -> None:
        """What an engine calls."""
        logger.guarded(f"the optimizer's {self.param_name!r:.120}", lambda: self._write(engine, logger, event_name))

    def _write(self, engine: Any, logger: MldashLogger, event_name: Any) -> None:
        step = int(engine.state.get_event_attrib_value(event_name))
        name = f"{self.tag}/{self.param_name}" if self.tag else self.param_name
        groups = enumerate(self.optimizer.param_groups)
        logger.write({f"{name}/group_{at}": float(group[self.param_name]) for at, group in groups}, step)
