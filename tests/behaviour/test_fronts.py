"""The fronts in every mode: what a script logs by them is read back by the experiment's own handles."""

from typing import Any

import pytest

import mldash.wandb as wandb
from mldash import Experiment
from mldash.tensorboard import SummaryWriter


@pytest.fixture
def in_mode(mode_keywords: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A front is told where to write by variables alone."""
    for name, value in mode_keywords.items():
        if value is not None:
            monkeypatch.setenv(f"MLDASH_{name.upper()}", str(value))


def points(experiment: Experiment, metric: str) -> list[dict[str, Any]]:
    """Without the times; they wait for what was just written."""
    return [point["data"] for point in experiment.metrics(metric).read(wait=60)["data"]]


@pytest.mark.usefixtures("in_mode")
def test_a_wandb_script_s_rows_config_and_summary_are_there(prefix: str) -> None:
    """And a run that is resumed by its id goes on behind them."""
    owner, project, name = prefix.split("/")
    with wandb.init(entity=owner, project=project, id=name, config={"lr": 0.5}, resume="allow") as run:
        for step in range(20):
            wandb.log({"train/loss": 1.0 / (step + 1), "train/step_s": 0.5})
        run.summary["best"] = 0.05
    assert run.experiment.prefix == prefix
    assert [one["step"] for one in points(run.experiment, "train")] == [*range(20)]
    with wandb.init(entity=owner, project=project, id=name, resume="must") as again:
        assert (again.step, again.config.lr, again.resumed) == (20, 0.5, True)
        wandb.log({"train/loss": 0.0})
    assert points(again.experiment, "train")[20] == {"loss": 0.0, "step": 20}
    assert points(again.experiment, "summary") == [{"best": 0.05}]
    assert again.experiment.params.get(wait=60) == {"lr": 0.5}


@pytest.mark.usefixtures("in_mode")
def test_a_summary_writer_s_scalars_are_there(prefix: str) -> None:
    with SummaryWriter(prefix=prefix) as writer:
        for step in range(20):
            writer.add_scalar("train/loss", 1.0 / (step + 1), step)
            writer.add_scalar("train/lr", 0.5, step)
        writer.add_hparams({"lr": 0.5}, {"hparam/accuracy": 0.75})
    assert points(writer.experiment, "train")[19] == {"loss": 0.05, "lr": 0.5, "step": 19}
    assert writer.experiment.params.get(wait=60) == {"lr": 0.5}
