"""mldash.adapters.lightning with Lightning itself, which needs PyTorch: `make test-adapters` brings both."""

import pickle
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment

torch = pytest.importorskip("torch", reason="PyTorch takes gigabytes: make test-adapters brings it")
pl = pytest.importorskip("lightning.pytorch", reason="it needs PyTorch: make test-adapters brings both")
rank_zero = pytest.importorskip("lightning.fabric.utilities.rank_zero", reason="a part of Lightning")

# Lightning's own, on its data loaders and on what it calls of PyTorch.
pytestmark = [
    pytest.mark.filterwarnings("ignore::lightning.fabric.utilities.warnings.PossibleUserWarning"),
    pytest.mark.filterwarnings("ignore:.*is deprecated:FutureWarning"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    return tmp_path


def module(*, fails_at: int | None = None) -> Any:
    """A line, whose validation logs each batch too."""

    class Line(pl.LightningModule):
        def __init__(self, width: int = 1, options: Any = None) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.layer = torch.nn.Linear(1, width)

        def training_step(self, batch: Any, at: int) -> Any:
            if self.global_step == fails_at:
                raise ValueError("broken")
            loss = ((self.layer(batch[0]) - batch[1]) ** 2).mean()
            self.log("train_loss", loss, on_step=True, on_epoch=True)
            self.log("train/rate", 0.25)
            return loss

        def validation_step(self, batch: Any, at: int) -> None:
            loss = ((self.layer(batch[0]) - batch[1]) ** 2).mean()
            self.log("val_loss", loss, on_step=True, on_epoch=True)

        def test_step(self, batch: Any, at: int) -> None:
            self.log("test_loss", ((self.layer(batch[0]) - batch[1]) ** 2).mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.25)

    return Line(options={"betas": (0.9, 0.99), "act": torch.relu})


def loader() -> Any:
    x = torch.linspace(-1, 1, 32).reshape(-1, 1)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, -2 * x), batch_size=8)


def trainer(logger: Any, **arguments: Any) -> Any:
    given = {"max_epochs": 2, "log_every_n_steps": 1, "num_sanity_val_steps": 1, "enable_checkpointing": False}
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "accelerator": "cpu", "devices": 1}
    return pl.Trainer(logger=logger, **{**given, **quiet, **arguments})


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_fit_validate_and_test_are_one_run_with_lightning_s_own_values() -> None:
    """Beside a logger of Lightning's own, which is given the same calls."""
    from lightning.pytorch.loggers.logger import DummyLogger

    from mldash.adapters.lightning import MldashLogger

    told: list[dict[str, Any]] = []

    class Kept(DummyLogger):
        def log_metrics(self, metrics: Any, step: Any) -> None:
            told.append({**metrics, "step": step})

    logger = MldashLogger("me/lightning/line", tags=["lightning"])
    one, model = trainer([logger, Kept()], callbacks=[pl.callbacks.LearningRateMonitor()]), module()
    one.fit(model, loader(), loader())
    one.validate(model, loader(), verbose=False)
    (tested,) = one.test(model, loader(), verbose=False)
    assert logger.experiment.run.is_open
    train = points("me/lightning/line", "train")
    steps = [(row["step"], row["train_loss_step"]) for row in told if "train_loss_step" in row]
    assert [(row["step"], row["train_loss_step"]) for row in train if "train_loss_step" in row] == steps
    assert [row["step"] for row in train if "train_loss_step" in row] == [*range(8)]
    assert [row["train_loss_epoch"] for row in train if "train_loss_epoch" in row] == [
        row["train_loss_epoch"] for row in told if "train_loss_epoch" in row
    ]
    assert {row["rate"] for row in train if "rate" in row} == {0.25}
    assert {row["lr-SGD"] for row in train if "lr-SGD" in row} == {0.25}
    val = points("me/lightning/line", "val")
    assert [row["epoch"] for row in val] == [0, 1, 2]
    assert [row["loss_epoch"] for row in val] == [row["val_loss_epoch"] for row in told if "val_loss_epoch" in row]
    batches = points("me/lightning/line", "val_step")
    assert len(batches) == 12
    assert all("loss_step" in row and "epoch" not in row for row in batches)
    assert points("me/lightning/line", "test") == [{"loss": tested["test_loss"], "epoch": 2, "step": 8}]
    logger.close()
    run = Client(".dash").run("me/lightning/line")
    params = run.params.get()
    assert (params["width"], params["options.betas"]) == (1, [0.9, 0.99])
    assert (run.status, run.about()["tags"]) == ("COMPLETED", ["lightning"])


def test_checkpoints_are_lines_and_lie_below_the_experiment_s_name(folder: Path) -> None:
    from mldash.adapters.lightning import MldashLogger

    logger = MldashLogger("me/lightning/kept")
    checkpoint = pl.callbacks.ModelCheckpoint(monitor="val_loss", save_top_k=1)
    trainer(logger, enable_checkpointing=True, callbacks=[checkpoint]).fit(module(), loader(), loader())
    logger.close()
    lines = Client(".dash").run("me/lightning/kept").logs.read()
    assert lines[-1]["metadata"]["path"] == checkpoint.best_model_path
    assert lines[-1]["metadata"]["score"] == float(checkpoint.best_model_score)
    assert Path(checkpoint.best_model_path).parent == folder / "kept" / logger.version / "checkpoints"


def test_an_exception_fails_the_run_with_its_traceback_and_a_user_s_own_run_stays_the_user_s() -> None:
    """Lightning tells a logger that it failed while the exception is handled; a later fit goes on with the run."""
    from mldash.adapters.lightning import MldashLogger

    logger = MldashLogger("me/lightning/failed")
    with pytest.raises(ValueError, match="broken"):
        trainer(logger).fit(module(fails_at=3), loader(), loader())
    run = Client(".dash").run("me/lightning/failed")
    (session,) = run.sessions()
    assert (run.status, session["error"]["type"]) == ("FAILED", "ValueError")
    assert "training_step" in session["error"]["traceback"]
    trainer(logger).fit(module(), loader(), loader())
    logger.close()
    assert run.status == "COMPLETED"
    with Experiment("me/lightning/own").run as experiment:
        own = MldashLogger(experiment)
        with pytest.raises(ValueError, match="broken"):
            trainer(own).fit(module(fails_at=1), loader(), loader())
        own.close()
        assert experiment.run.is_open
    assert Client(".dash").run("me/lightning/own").status == "COMPLETED"


def test_the_first_rank_logs_or_each_with_its_rank(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what Lightning says of itself; a rank that is not logged may use `logger.experiment` all the same."""
    from mldash.adapters.lightning import MldashLogger

    monkeypatch.setattr(rank_zero.rank_zero_only, "rank", 1)
    silent, loud = MldashLogger("me/lightning/silent"), MldashLogger("me/lightning/loud", all_ranks=True)
    for logger in (silent, loud):
        logger.log_hyperparams({"lr": 0.5})
        logger.log_metrics({"loss": 1.0, "epoch": 0}, step=3)
        logger.experiment.metrics("own").log(x=1.0)
        logger.close()
    assert {one.name for one in (folder / ".dash/me/lightning").iterdir()} == {"loud"}
    assert points("me/lightning/loud", "train") == [{"loss": 1.0, "epoch": 0, "step": 3, "rank": 1}]


def test_a_logger_that_was_pickled_logs_to_the_same_experiment(folder: Path) -> None:
    """As `ddp_spawn` carries it to another process."""
    from mldash.adapters.lightning import MldashLogger

    logger = MldashLogger("me/lightning/spawn")
    logger.log_metrics({"loss": 0.5, "epoch": 0}, step=0)
    (folder / "logger.pickle").write_bytes(pickle.dumps(logger))
    child = """
        import pickle
        from pathlib import Path

        logger = pickle.loads(Path("logger.pickle").read_bytes())
        logger.log_metrics({"loss": 0.25, "epoch": 0}, step=1)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(child)], check=True, timeout=240)
    logger.close()
    assert sorted(row["step"] for row in points("me/lightning/spawn", "train")) == [0, 1]
    assert len(Client(".dash").run("me/lightning/spawn").sessions()) == 2


def test_the_logger_is_of_the_package_that_the_script_has_imported(folder: Path) -> None:
    """`lightning` and `pytorch_lightning` have a class each, and code of theirs may ask for its own."""
    for package in ("lightning.pytorch", "pytorch_lightning"):
        body = f"""
            import {package} as pl
            from {package}.loggers import Logger
            from mldash.adapters.lightning import MldashLogger

            assert issubclass(MldashLogger, Logger)
            pl.Trainer(logger=MldashLogger("me/p"), accelerator="cpu", enable_checkpointing=False)
        """
        subprocess.run([sys.executable, "-c", textwrap.dedent(body)], check=True, timeout=240)


def test_a_folder_that_can_not_be_written_does_not_stop_a_training(folder: Path) -> None:
    from mldash.adapters.lightning import MldashLogger

    (folder / ".dash").write_text("")
    one = trainer(MldashLogger("me/lightning/none"))
    one.fit(module(), loader(), loader())
    assert one.global_step == 8
