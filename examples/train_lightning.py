"""A Lightning module of handwritten digits. Needs Lightning and scikit-learn: pip install lightning scikit-learn.

python examples/train_lightning.py      plain files under .dash/
mldash show me/digits/lightning         what it has logged
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import LearningRateMonitor
from sklearn.datasets import load_digits  # type: ignore[import-untyped]
from torch.utils.data import DataLoader, TensorDataset

from mldash.adapters.lightning import MldashLogger


class Digits(pl.LightningModule):  # type: ignore[misc]
    """Two layers over 64 pixels."""

    def __init__(self, width: int = 32, learning_rate: float = 0.005) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.learning_rate = learning_rate
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))

    def training_step(self, batch: Any, at: int) -> Any:
        """The loss of one batch."""
        loss = torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, at: int) -> None:
        """Loss and accuracy, averaged over the epoch by Lightning."""
        self._measure("val", batch)

    def test_step(self, batch: Any, at: int) -> None:
        """As validation."""
        self._measure("test", batch)

    def configure_optimizers(self) -> Any:
        """Adam."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)

    def _measure(self, part: str, batch: Any) -> None:
        found = self.layers(batch[0])
        self.log(f"{part}_loss", torch.nn.functional.cross_entropy(found, batch[1]))
        self.log(f"{part}_accuracy", (found.argmax(1) == batch[1]).float().mean())


def main() -> None:
    """Train, and test on the last fifth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--epochs", type=int, default=10, help="(%(default)s)")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="lightning")  # of how many workers a loader might have
    pl.seed_everything(7, verbose=False)
    pixels, digits = load_digits(return_X_y=True)
    rows = TensorDataset(torch.tensor(pixels / 16, dtype=torch.float32), torch.tensor(digits))
    cut = len(rows) * 4 // 5
    train, held = torch.utils.data.Subset(rows, range(cut)), torch.utils.data.Subset(rows, range(cut, len(rows)))
    logger = MldashLogger("me/digits/lightning", tags=["example"])
    trainer = pl.Trainer(
        max_epochs=given.epochs,
        accelerator="cpu",
        logger=logger,
        callbacks=[LearningRateMonitor()],
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        log_every_n_steps=10,
    )
    module = Digits()
    trainer.fit(module, DataLoader(train, batch_size=32, shuffle=True), DataLoader(held, batch_size=64))
    (tested,) = trainer.test(module, DataLoader(held, batch_size=64), verbose=False)
    logger.close()
    print(f"{logger.experiment.prefix}: accuracy {tested['test_accuracy']:.3f}")


if __name__ == "__main__":
    main()
