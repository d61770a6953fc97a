"""A script that was written for wandb, with one line changed: the import.

    python examples/wandb_script.py          plain files under .dash/
    mldash show me/digits/from-wandb         what it has logged

It fits a line to points by gradient descent, as many first scripts do, and logs to a run of wandb's words.
"""

from __future__ import annotations

import random

import mldash.wandb as wandb


def main() -> None:
    """Train, and log each step and each epoch."""
    config = {"learning_rate": 0.05, "epochs": 5, "steps": 40, "seed": 7}
    run = wandb.init(entity="me", project="digits", name="from-wandb", config=config, tags=["example"])
    wandb.define_metric("val/*", step_metric="epoch")
    source = random.Random(wandb.config.seed)
    points = [(x, 3 * x - 1 + source.gauss(0, 0.1)) for x in [source.uniform(-1, 1) for _ in range(200)]]
    slope = offset = 0.0
    for epoch in range(wandb.config.epochs):
        for _ in range(wandb.config["steps"]):
            x, y = source.choice(points)
            error = slope * x + offset - y
            slope -= wandb.config.learning_rate * error * x
            offset -= wandb.config.learning_rate * error
            wandb.log({"train/loss": error**2, "train/slope": slope, "train/offset": offset})
        loss = sum((slope * x + offset - y) ** 2 for x, y in points) / len(points)
        wandb.log({"epoch": epoch, "val/loss": loss})
        run.summary["best"] = min(loss, run.summary.get("best", loss))
    wandb.finish()
    print(f"{run.experiment.prefix}: {run.step} rows, slope {slope:.2f}, offset {offset:.2f}")


if __name__ == "__main__":
    main()
