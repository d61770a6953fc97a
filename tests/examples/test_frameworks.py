"""The examples of adapters, with the frameworks themselves."""

import subprocess
import sys
from pathlib import Path

from mldash import Client

EXAMPLES = Path(__file__).parents[2] / "examples"


def run_example(name: str, folder: Path, *arguments: str) -> str:
    """What it printed."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sweep_is_an_experiment_a_trial(tmp_path: Path) -> None:
    """And the study's own one names the best."""
    told = run_example("sweep_optuna.py", tmp_path)
    trials = Client(root=tmp_path / ".dash").runs("params.learning_rate > 0", columns=["status"])
    assert len(trials) == 12
    rows = [row["data"] for row in Client(root=tmp_path / ".dash").run("me/sweep/line/study").metrics("trials").iter()]
    assert {row["state"] for row in rows} == {"COMPLETE", "PRUNED"}
    best = min((row for row in rows if row["state"] == "COMPLETE"), key=lambda row: row["loss"])
    assert rows[-1]["best"] == best["loss"]
    assert f"trial-{best['number']:04}, loss {best['loss']:.4f}" in told


def test_a_keras_model_logs_each_epoch(tmp_path: Path) -> None:
    told = run_example("train_keras.py", tmp_path, "--epochs", "2")
    run = Client(root=tmp_path / ".dash").run("me/digits/keras")
    assert [point["data"]["epoch"] for point in run.metrics("val").read()["data"]] == [0, 1]
    (tested,) = run.metrics("test").read()["data"]
    assert f"accuracy {tested['data']['accuracy']:.3f}" in told
    assert run.status == "COMPLETED"
