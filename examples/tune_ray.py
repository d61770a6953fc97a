"""A sweep with Ray Tune, an experiment a trial. Needs it: pip install 'ray[tune]'.

python examples/tune_ray.py             plain files under .dash/
mldash ls 'tags has "ray"'              the trials

Each trial fits a line to points with its own learning rate; one of the rates is too large for the fit to hold.
"""

from __future__ import annotations

import random
import tempfile
from typing import Any

import ray
from ray import tune

from mldash.adapters.ray_tune import MldashCallback


def fit(config: dict[str, Any]) -> None:
    """Gradient descent; a report an epoch."""
    source = random.Random(7)
    points = [(x, 3 * x - 1) for x in [source.uniform(-1, 1) for _ in range(50)]]
    slope = offset = 0.0
    for _ in range(config["epochs"]):
        for x, y in points:
            error = slope * x + offset - y
            slope, offset = slope - config["learning_rate"] * error * x, offset - config["learning_rate"] * error
        tune.report({"val/loss": sum((slope * x + offset - y) ** 2 for x, y in points) / len(points)})
        if abs(slope) > 1e6:
            raise ArithmeticError(f"a learning rate of {config['learning_rate']} is too large")


def main() -> None:
    """Run the sweep and say which trial was best."""
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    space = {"learning_rate": tune.grid_search([0.01, 0.1, 4.0]), "epochs": 5}
    with tempfile.TemporaryDirectory() as folder:
        run = tune.RunConfig(
            name="line",
            storage_path=folder,
            callbacks=[MldashCallback("me/sweep-ray", tags=["ray"])],
            verbose=0,
        )
        best = tune.Tuner(fit, param_space=space, run_config=run).fit().get_best_result("val/loss", "min")
        assert best.metrics is not None
        print(f"best: {best.config['learning_rate']}, trial {best.metrics['trial_id']}")
    ray.shutdown()


if __name__ == "__main__":
    main()
