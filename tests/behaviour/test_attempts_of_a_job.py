"""A job that its scheduler starts again logs into the run of its name, and each start is seen as an attempt of it."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Client
from mldash.client.open_run import OpenRun
from tests.stack import run_mldash

ATTEMPT = """
import os, sys
from mldash import Experiment
experiment = Experiment(sys.argv[1] + "/{job}", echo=False)
experiment.run.start()
experiment.metrics("train").log(loss=1.0)
experiment.flush()
if sys.argv[2] == "killed":
    os._exit(9)
experiment.run.complete()
"""


def attempt(project: str, end: str, **environment: str) -> None:
    """A rank of a step of Slurm."""
    slurm = {"SLURM_JOB_ID": "4711", "SLURM_CLUSTER_NAME": "big", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2"}
    command = [sys.executable, "-c", ATTEMPT, project, end]
    done = subprocess.run(
        command, env={**os.environ, **slurm, **environment}, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == (9 if end == "killed" else 0), done.stderr


def told(run: OpenRun) -> list[tuple[int | None, int | None, str | None]]:
    """Rank, attempt and job of each process, once all three are there with what they say of themselves, which is
    stored a little later than their first points."""
    deadline = time.monotonic() + 90
    while len(sessions := run.sessions()) < 3 or not all("resumeKey" in one for one in sessions):
        assert time.monotonic() < deadline, sessions
        time.sleep(0.1)
    return sorted((one["rank"] or 0, one.get("attempt", 0), one.get("resumeKey", "")) for one in sessions)


def start_and_requeue(project: str, **environment: str) -> None:
    attempt(project, "killed", SLURM_PROCID="0", **environment)
    attempt(project, "completed", SLURM_PROCID="1", **environment)
    attempt(project, "completed", SLURM_PROCID="0", SLURM_RESTART_COUNT="1", **environment)


EXPECTED = [(0, 1, "slurm:big:4711"), (0, 2, "slurm:big:4711"), (1, 1, "slurm:big:4711")]


def test_attempts_are_told_of_local_folders(tmp_path: Path) -> None:
    start_and_requeue("alice/digits", MLDASH_ROOT=str(tmp_path))
    run = Client(root=str(tmp_path)).run("alice/digits/4711")
    assert told(run) == EXPECTED and run.status == "COMPLETED"
    shown = run_mldash("show", "alice/digits/4711", "--root", str(tmp_path)).stdout
    assert "slurm:big:4711, attempt 2" in shown


@pytest.mark.integration
def test_attempts_are_told_by_the_api(remote: dict[str, Any]) -> None:
    project = f"alice/digits-{os.urandom(4).hex()}"
    start_and_requeue(project, MLDASH_REMOTE=remote["remote"], MLDASH_JOURNAL=remote["journal"])
    assert told(Client(remote["remote"]).run(f"{project}/4711")) == EXPECTED
