"""The examples of adapters whose frameworks need gigabytes, with the frameworks: `make test-adapters` brings them."""

import subprocess
import sys
from pathlib import Path

import pytest

from mldash import Client

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, folder: Path, *arguments: str) -> str:
    """What it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def test_a_lightning_module_logs_each_epoch(tmp_path: Path) -> None:
    pytest.importorskip("lightning", reason="it needs PyTorch: make test-adapters brings both")
    told = run_example("train_lightning.py", tmp_path, "--epochs", "2")
    run = Client(root=tmp_path / ".dash").run("me/digits/lightning")
    assert [point["data"]["epoch"] for point in run.metrics("val").read()["data"]] == [0, 1]
    (tested,) = run.metrics("test").read()["data"]
    assert f"accuracy {tested['data']['accuracy']:.3f}" in told
    assert (run.status, run.params.get()) == ("COMPLETED", {"width": 32, "learning_rate": 0.005})


def test_an_agent_logs_each_rollout(tmp_path: Path) -> None:
    pytest.importorskip("stable_baselines3", reason="it needs PyTorch: make test-adapters brings both")
    told = run_example("train_sb3.py", tmp_path, "--steps", "1024")
    run = Client(root=tmp_path / ".dash").run("me/cartpole/ppo")
    assert [point["data"]["step"] for point in run.metrics("rollout").read()["data"]] == [512, 1024]
    assert "1024 steps" in told
    assert run.status == "COMPLETED"


def test_ignite_s_engines_log_iterations_and_epochs(tmp_path: Path) -> None:
    pytest.importorskip("ignite", reason="it needs PyTorch: make test-adapters brings both")
    told = run_example("train_ignite.py", tmp_path, "--epochs", "3")
    run = Client(root=tmp_path / ".dash").run("me/line/ignite")
    assert [point["data"]["step"] for point in run.metrics("train").read()["data"]] == [*range(4, 49, 4)]
    assert f"mse {run.metrics('val').read()['data'][-1]['data']['mse']:.6f}" in told
    assert run.status == "COMPLETED"


def test_a_ray_sweep_is_an_experiment_a_trial(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray takes hundreds of megabytes: make test-adapters brings it")
    told = run_example("tune_ray.py", tmp_path)
    client = Client(root=tmp_path / ".dash")
    runs = {run.params.get()["learning_rate"]: run for run in map(client.run, [one.prefix for one in client.runs()])}
    assert {rate: run.status for rate, run in runs.items()} == {0.01: "COMPLETED", 0.1: "COMPLETED", 4.0: "FAILED"}
    assert len(runs[0.1].metrics("val").read()["data"]) == 5
    assert f"best: 0.1, trial {runs[0.1].prefix.rpartition('/')[2]}" in told
