"""The same loop with other trackers, as a user writes it, in the mode of each that needs no server.

Four floats a call, one process; the clock stops when the tracker says that the run is finished, so these are points
stored a second. None of them is a dependency: `pip install wandb trackio …` beside ml-dash, and they are measured too.
"""

import importlib.util
import os
import time
from collections.abc import Callable
from pathlib import Path

Log = Callable[[int], object]
Finish = Callable[[], object]

CALLS = 5_000


def _ml_dash(folder: Path) -> tuple[Log, Finish]:
    from mldash import Experiment

    experiment = Experiment("bench/trackers/run", root=str(folder), echo=False)
    experiment.run.start()
    metric = experiment.metrics("train")
    return lambda i: metric.log(loss=i * 0.1, accuracy=0.2, rate=0.3, norm=0.4), experiment.run.complete


def _wandb(folder: Path) -> tuple[Log, Finish]:
    import wandb

    run = wandb.init(project="bench", dir=str(folder), mode="offline", settings=wandb.Settings(silent=True))
    return lambda i: run.log(_fields(i)), run.finish


def _trackio(folder: Path) -> tuple[Log, Finish]:
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio

    trackio.init(project="bench")
    return lambda i: trackio.log(_fields(i)), trackio.finish


def _swanlab(folder: Path) -> tuple[Log, Finish]:
    import swanlab

    swanlab.init(project="bench", logdir=str(folder), mode="offline")
    return lambda i: swanlab.log(_fields(i)), swanlab.finish


def _neptune_scale(folder: Path) -> tuple[Log, Finish]:
    from neptune_scale import Run

    run = Run(project="bench/bench", run_id="run", mode="offline", log_directory=str(folder))
    return lambda i: run.log_metrics(_fields(i), step=i), run.close


def _aim(folder: Path) -> tuple[Log, Finish]:
    from aim import Run

    run = Run(repo=str(folder), system_tracking_interval=None, log_system_params=False)
    return lambda i: run.track(_fields(i), step=i), run.close


def _mlflow(folder: Path) -> tuple[Log, Finish]:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("bench")
    mlflow.start_run()
    return lambda i: mlflow.log_metrics(_fields(i), step=i), mlflow.end_run


def _tensorboard_x(folder: Path) -> tuple[Log, Finish]:
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(folder))

    def log(i: int) -> None:
        for name, value in _fields(i).items():
            writer.add_scalar(name, value, i)

    return log, writer.close


def _fields(i: int) -> dict[str, float]:
    return {"loss": i * 0.1, "accuracy": 0.2, "rate": 0.3, "norm": 0.4}


TRACKERS: dict[str, Callable[[Path], tuple[Log, Finish]]] = {
    "trackio": _trackio,
    "swanlab": _swanlab,
    "wandb": _wandb,
    "neptune_scale": _neptune_scale,
    "aim": _aim,
    "mlflow": _mlflow,
    "tensorboardX": _tensorboard_x,
}
"""By the name of its module."""


def installed(tracker: str) -> bool:
    return importlib.util.find_spec(tracker) is not None


def measure_tracker(name: str, folder: Path) -> dict[str, float]:
    log, finish = (_ml_dash if name == "ml-dash" else TRACKERS[name])(folder)
    begun = time.perf_counter()
    for i in range(CALLS):
        log(i)
    returned = time.perf_counter() - begun
    finish()
    return {"rate": CALLS / (time.perf_counter() - begun), "a_call_us": returned / CALLS * 1e6}
