"""mldash.adapters.accelerate with Accelerate itself, which needs PyTorch: `make test-adapters` brings both."""

from pathlib import Path
from typing import Any

import pytest

from mldash import Client, Experiment

torch = pytest.importorskip("torch", reason="PyTorch takes gigabytes: make test-adapters brings it")
accelerate = pytest.importorskip("accelerate", reason="it needs PyTorch: make test-adapters brings both")


def points(prefix: str, metric: str) -> list[dict[str, Any]]:
    """Without the times."""
    return [point["data"] for point in Experiment(prefix).metrics(metric).read()["data"]]


def test_a_tracker_has_all_that_an_accelerator_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tensors, calls without a step, images; end_training ends the run."""
    from mldash.adapters.accelerate import MldashTracker

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLDASH_ECHO", "false")
    accelerator = accelerate.Accelerator(cpu=True, log_with=MldashTracker("me/accelerate/one"))
    accelerator.init_trackers("a project", config={"lr": 0.5, "betas": [0.9, 0.99]})
    accelerator.log({"train/loss": torch.tensor(0.5), "lr": 0.25})
    accelerator.log({"train/loss": torch.tensor(0.25, dtype=torch.bfloat16)}, step=7)
    accelerator.log({"train/loss": 0.125})
    tracker = accelerator.get_tracker("mldash")
    tracker.log_images({"image": [object()]}, step=8)
    assert isinstance(tracker.tracker if isinstance(tracker.tracker, Experiment) else tracker, Experiment)
    accelerator.end_training()
    assert [(one["step"], one["loss"]) for one in points("me/accelerate/one", "train") if "loss" in one] == [
        *((0, 0.5), (7, 0.25), (8, 0.125))
    ]
    run = Client(".dash").run("me/accelerate/one")
    assert (run.status, run.params.get()) == ("COMPLETED", {"lr": 0.5, "betas": [0.9, 0.99]})
    assert run.logs.read()[-1]["metadata"]["counts"] == {"image": 1}
