"""A script whose settings are Hydra's. Needs it: pip install hydra-core.

python examples/train_hydra.py                                       one run
python examples/train_hydra.py --multirun optimizer.lr=0.05,0.5      one after another in one process: a run each
mldash ls 'params.optimizer.lr > 0'                                  all of them

Each job is an experiment, named by the folder that Hydra gives it. The run is opened within main(): Hydra takes an
exception that leaves main() for itself, and ends the process by an exit code; so it is the block that knows of it.
"""

from __future__ import annotations

import logging
import random
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mldash import Experiment
from mldash.handles.logging_handler import ExperimentHandler

ConfigStore.instance().store(
    name="line", node={"seed": 7, "steps": 200, "optimizer": {"lr": 0.05, "rate": "${optimizer.lr}"}}
)
log = logging.getLogger(__name__)


def prefix_of_job() -> str:
    """`me/line/2026-11-29/03-14-00`, and the job's number behind it in a multirun."""
    folder = Path(HydraConfig.get().runtime.output_dir)
    is_multirun = HydraConfig.get().mode is not None and HydraConfig.get().mode.name == "MULTIRUN"
    return "/".join(("me", "line", *folder.parts[-3 if is_multirun else -2 :]))


@hydra.main(version_base=None, config_path=None, config_name="line")  # type: ignore[untyped-decorator]
def main(config: DictConfig) -> None:
    """Fit a line to points by gradient descent."""
    with Experiment(prefix_of_job(), tags=["hydra"]).run as experiment:
        # Here, for Hydra has just set the handlers of the log anew; the next job of a multirun has a run of its own.
        handler = ExperimentHandler(experiment)
        logging.getLogger().addHandler(handler)
        experiment.params.set(cast("dict[str, Any]", OmegaConf.to_container(config, resolve=True)))
        source = random.Random(config.seed)
        slope = offset = 0.0
        for step in range(config.steps):
            x = source.uniform(-1, 1)
            error = slope * x + offset - (3 * x - 1)
            if abs(error) > 1e6:
                raise ArithmeticError(f"a learning rate of {config.optimizer.lr} is too large")
            slope, offset = slope - config.optimizer.lr * error * x, offset - config.optimizer.lr * error
            experiment.metrics("train").log(step=step, loss=error**2)
        log.info("slope %.2f, offset %.2f", slope, offset)
        logging.getLogger().removeHandler(handler)


if __name__ == "__main__":
    main()
