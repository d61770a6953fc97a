"""What was logged offline, or left by a killed process, `mldash sync` publishes: once, however often it is run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from tests.stack import run_mldash

pytestmark = pytest.mark.integration

KILLED = """
import os, signal
from mldash import Experiment
experiment = Experiment({prefix!r}, mode="offline", journal={journal!r}, echo=False)
experiment.run.start()
for step in range(2_000):
    experiment.metrics("train").log(step=step)
    experiment.tracks("pose").append(x=step, _ts=step % 100)
os.kill(os.getpid(), signal.SIGKILL)
"""


def eventually(read: Callable[[], Any], expected: Any) -> None:
    """The reader is another process than the one that wrote, so it does not know what to wait for."""
    deadline = time.monotonic() + 30
    while (found := read()) != expected:
        assert time.monotonic() < deadline, f"still {found!r:.500}"
        time.sleep(0.05)


def steps(there: Experiment) -> list[int]:
    return [point["data"]["step"] for point in there.metrics("train").read(limit=10_000)["data"]]


def test_an_offline_run_is_published_once_however_often_it_is_synced(remote: dict[str, Any], tmp_path: Path) -> None:
    prefix, journal = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "offline")
    with Experiment(prefix, mode="offline", journal=journal, echo=False).run as experiment:
        experiment.params.set(lr=0.1)
        for step in range(100):
            experiment.metrics("train").log(step=step)
        experiment.log("done", metadata={"ok": True})
    for _ in range(2):
        run_mldash("sync", journal, "--remote", remote["remote"])
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), list(range(100)))
    eventually(there.params.get, {"lr": 0.1})
    eventually(lambda: [(line["message"], line["metadata"]) for line in there.logs.read()], [("done", {"ok": True})])


def test_what_a_killed_process_left_is_published_whole_and_in_order(remote: dict[str, Any], tmp_path: Path) -> None:
    prefix, journal = f"owner/sync/{os.urandom(6).hex()}", str(tmp_path / "killed")
    done = subprocess.run([sys.executable, "-c", KILLED.format(prefix=prefix, journal=journal)], check=False)
    assert done.returncode == -signal.SIGKILL
    run_mldash("sync", journal, "--remote", remote["remote"])
    there = Experiment(prefix, **remote)
    eventually(lambda: steps(there), list(range(2_000)))
    last = [{"timestamp": float(at), "x": 1_900 + at} for at in range(100)]
    eventually(lambda: there.tracks("pose").read()["entries"], last)
