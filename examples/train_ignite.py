"""A line is fitted by PyTorch-Ignite's engines. Needs it: pip install pytorch-ignite torch.

python examples/train_ignite.py         plain files under .dash/
mldash show me/line/ignite              what it has logged
"""

from __future__ import annotations

import argparse
from typing import Any

import torch
from ignite.engine import Engine, Events
from ignite.handlers import global_step_from_engine
from ignite.metrics import MeanSquaredError

from mldash.adapters.ignite import MldashLogger


def main() -> None:
    """Train, and evaluate after each epoch."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--epochs", type=int, default=10, help="(%(default)s)")
    given = parser.parse_args()
    torch.manual_seed(7)
    x = torch.rand(128, 1) * 2 - 1
    rows = list(zip(x.split(8), (3 * x - 1).split(8), strict=True))
    model = torch.nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(engine: Engine, batch: Any) -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(batch[0]), batch[1])
        loss.backward()
        optimizer.step()
        return float(loss)

    def evaluate(engine: Engine, batch: Any) -> Any:
        with torch.no_grad():
            return model(batch[0]), batch[1]

    trainer, evaluator = Engine(step), Engine(evaluate)
    MeanSquaredError().attach(evaluator, "mse")
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(rows))
    with MldashLogger("me/line/ignite", tags=["example"]) as logger:
        logger.params({"lr": 0.1, "epochs": given.epochs})
        logger.attach_output_handler(
            trainer, Events.ITERATION_COMPLETED(every=4), tag="train", output_transform=lambda loss: {"loss": loss}
        )
        logger.attach_opt_params_handler(trainer, Events.EPOCH_COMPLETED, optimizer=optimizer)
        logger.attach_output_handler(
            evaluator,
            Events.EPOCH_COMPLETED,
            tag="val",
            metric_names="all",
            global_step_transform=global_step_from_engine(trainer),
        )
        trainer.run(rows, max_epochs=given.epochs)
    print(f"{logger.experiment.prefix}: mse {evaluator.state.metrics['mse']:.6f}")


if __name__ == "__main__":
    main()
