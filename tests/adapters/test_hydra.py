"""The recipe for Hydra, examples/train_hydra.py, with Hydra itself: `make test-adapters` brings it."""

import subprocess
import sys
from pathlib import Path

import pytest

from mldash import Client

pytest.importorskip("hydra", reason="what no other test needs is not installed here: make test-adapters brings it")

SCRIPT = Path(__file__).parents[2] / "examples" / "train_hydra.py"


def run_script(folder: Path, *arguments: str) -> int:
    """Its exit code."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], cwd=folder, capture_output=True, text=True, timeout=240, check=False
    )
    return done.returncode


def test_one_job_is_an_experiment_with_its_settings_resolved_and_its_log(tmp_path: Path) -> None:
    assert run_script(tmp_path, "steps=20") == 0
    client = Client(root=tmp_path / ".dash")
    (found,) = client.runs('tags has "hydra"')
    run = client.run(found.prefix)
    assert run.params.get() == {"seed": 7, "steps": 20, "optimizer.lr": 0.05, "optimizer.rate": 0.05}
    assert run.metrics("train").read()["total"] == 20
    assert [line["metadata"]["logger"] for line in run.logs.read()] == ["__main__"]
    (folder,) = [one.parent for one in tmp_path.glob("outputs/*/*/.hydra")]
    assert run.prefix == f"me/line/{folder.parent.name}/{folder.name}"


def test_jobs_of_a_multirun_in_one_process_are_experiments_of_their_own(tmp_path: Path) -> None:
    assert run_script(tmp_path, "--multirun", "steps=20", "optimizer.lr=0.05,0.5,0.25") == 0
    client = Client(root=tmp_path / ".dash")
    runs = [client.run(one.prefix) for one in client.runs('tags has "hydra"')]
    assert sorted((run.prefix[-2:], run.params.get()["optimizer.lr"]) for run in runs) == [
        *(("/0", 0.05), ("/1", 0.5), ("/2", 0.25))
    ]
    assert {run.status for run in runs} == {"COMPLETED"}
    assert {run.metrics("train").read()["total"] for run in runs} == {20}
    assert {len(run.logs.read()) for run in runs} == {1}


def test_a_job_that_raises_is_failed_with_its_traceback(tmp_path: Path) -> None:
    """Though Hydra ends the process by an exit code, and prints a part of the traceback alone."""
    assert run_script(tmp_path, "optimizer.lr=40") == 1
    client = Client(root=tmp_path / ".dash")
    (found,) = client.runs('tags has "hydra"')
    assert client.run(found.prefix).status == "FAILED"
    (session,) = client.run(found.prefix).sessions()
    assert (session["error"]["type"], "train_hydra.py" in session["error"]["traceback"]) == ("ArithmeticError", True)
