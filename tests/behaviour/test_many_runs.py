"""A process may make very many runs: what it keeps of one that has ended does not add up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SWEEP = """
import gc, json, os, resource, sys, threading, time, tracemalloc
from mldash import Experiment

prefix, keywords, first, last = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

def one(number):
    with Experiment(f"{prefix}/{number}", echo=False, **keywords).run as experiment:
        experiment.params.set(number=number)
        for step in range(3):
            experiment.metrics("train").log(step=step)
        assert experiment.metrics("train").read()["total"] == 3
        thread = threading.Thread(target=lambda: experiment.metrics("train").read())  # each has its own connection?
        thread.start()
        thread.join()

def sessions():
    gc.collect()
    return sum(type(one).__name__ == "Session" for one in gc.get_objects())

def held():
    deadline = time.monotonic() + 5
    while sessions() and time.monotonic() < deadline:  # the last run's thread may be in its very last step
        time.sleep(0.01)
    return {
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": sum(thread.name not in ("mldash-standing", "mldash-listened") for thread in threading.enumerate()),
        "mappings": sum("mldash" in line or "/dash/" in line or "journal" in line for line in open("/proc/self/maps")),
        "sessions": sessions(),
        "bytes": tracemalloc.get_traced_memory()[0],
    }

tracemalloc.start()
for number in range(first):
    one(number)
before = held()
for number in range(first, last):
    one(number)
print(json.dumps([before, held()]))
"""


def sweep(prefix: str, keywords: dict[str, Any], first: int, last: int) -> tuple[dict[str, int], dict[str, int]]:
    command = [sys.executable, "-c", SWEEP, prefix, json.dumps(keywords), str(first), str(last)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    before, after = json.loads(done.stdout)
    return before, after


def grew(before: dict[str, int], after: dict[str, int], runs: int) -> dict[str, float]:
    return {name: (after[name] - before[name]) / runs for name in before}


def test_local_runs_that_have_ended_leave_nothing_behind(tmp_path: Path) -> None:
    before, after = sweep("owner/sweep", {"root": str(tmp_path / "dash")}, 50, 250)
    assert {**before, "bytes": 0} == {**after, "bytes": 0}
    assert grew(before, after, 200)["bytes"] < 500


@pytest.mark.integration
def test_remote_runs_that_have_ended_leave_what_they_have_written_and_nothing_else(remote: dict[str, Any]) -> None:
    """With a hundred descriptors: a run that kept its socket would make the ninetieth fail."""
    before, after = sweep(f"owner/sweep-{os.urandom(6).hex()}", remote, 20, 110)
    assert {**before, "bytes": 0} == {**after, "bytes": 0}
    assert grew(before, after, 90)["bytes"] < 3_000
