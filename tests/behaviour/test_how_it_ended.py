"""docs/sdk.md, "How a run ended": the table there is run, in each form of a run. And a run that begins in `atexit`."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment

SDK_PAGE = Path(__file__).parents[2] / "docs" / "sdk.md"

JOB = """
import atexit, json, os, signal, sys, threading, time
from mldash import Experiment

experiment = Experiment(sys.argv[1], **json.loads(sys.argv[2]))
train = experiment.metrics("train")
threading.excepthook = lambda told: None
"""

FORMS = {
    "start": "experiment.run.start(); train.log(a=1)\n{leave}",
    "with run": "with experiment.run:\n    train.log(a=1)\n    {leave}",
    "with experiment": "with experiment:\n    train.log(a=1)\n    {leave}",
    "decorator": "@experiment.run\ndef job():\n    train.log(a=1)\n    {leave}\njob()",
    "async decorator": "@experiment.run\nasync def job():\n    train.log(a=1)\n    {leave}\n"
    "import asyncio; asyncio.run(job())",
}


def table() -> dict[str, tuple[str, str]]:
    """How the process leaves → the status from within a block, and after start()."""
    section = SDK_PAGE.read_text().split("## How a run ended")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(.+)` \| (\w+) \| (\w+) \|$", section, re.M)
    return {code: (block, start) for code, block, start in rows}


def run_job(script: str, prefix: str, keywords: dict[str, Any]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", JOB + script, prefix, json.dumps({"echo": False, **keywords})]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def until(there: Experiment, status: str, points: list[dict[str, Any]]) -> None:
    deadline = time.monotonic() + 90
    while (found := (there.run.status, [one["data"] for one in there.metrics("train").read()["data"]])) != (
        status,
        points,
    ):
        assert time.monotonic() < deadline, (found, status)
        time.sleep(0.02)


EXITS = [
    *((form, leave) for leave in table() for form in ("start", "with experiment")),
    *(
        (form, leave)
        for leave in ("sys.exit()", "sys.exit(3)")
        for form in ("with run", "decorator", "async decorator")
    ),
]


@pytest.mark.parametrize(("form", "leave"), EXITS)
def test_the_status_says_how_the_process_left(tmp_path: Path, form: str, leave: str) -> None:
    """Nothing is waited for but what locally is true at once: a process that is gone and has said no end is LOST."""
    keywords = {"root": str(tmp_path)}
    block, start = table()[leave]
    done = run_job(FORMS[form].format(leave=leave), "owner/project/run", keywords)
    until(Experiment("owner/project/run", **keywords), start if form == "start" else block, [{"a": 1}])
    assert "Error in sys.excepthook" not in done.stderr


@pytest.mark.integration
@pytest.mark.parametrize("leave", [one for one, (_, status) in table().items() if status != "LOST"])
def test_the_pipeline_says_how_the_process_left(remote: dict[str, Any], leave: str) -> None:
    prefix = f"owner/ended/{os.urandom(6).hex()}"
    run_job(FORMS["start"].format(leave=leave), prefix, remote)
    until(Experiment(prefix, **remote), table()[leave][1], [{"a": 1}])


def test_an_exit_that_somebody_catches_is_none(tmp_path: Path) -> None:
    """As argparse's is by a program that tries arguments; also its code is looked at, by the program."""
    script = """
experiment.run.start()
try:
    sys.exit(3)
except SystemExit as error:
    assert error.code == 3 and type(error).__name__ == "SystemExit"
train.log(a=1)
"""
    assert run_job(script, "owner/project/run", {"root": str(tmp_path)}).returncode == 0
    until(Experiment("owner/project/run", root=str(tmp_path)), "COMPLETED", [{"a": 1}])


def test_an_exit_means_to_everyone_else_what_it_did_before(tmp_path: Path) -> None:
    """Its code, its text and its exit status; in a thread it ends the thread without a word; it can be pickled."""
    script = """
import pickle
del threading.excepthook
threading.excepthook = threading.__excepthook__
experiment.run.start()
try:
    sys.exit("text")
except SystemExit as error:
    assert type(pickle.loads(pickle.dumps(error))) is SystemExit
    error.code = "other text"
    assert error.code == "other text"
thread = threading.Thread(target=sys.exit, args=(3,))
thread.start()
thread.join()
train.log(a=1)
sys.exit(7)
"""
    done = run_job(script, "owner/project/run", {"root": str(tmp_path)})
    assert (done.returncode, done.stderr) == (7, "")
    until(Experiment("owner/project/run", root=str(tmp_path)), "FAILED", [{"a": 1}])


def test_without_signals_nothing_of_the_interpreter_is_replaced(tmp_path: Path) -> None:
    script = "before = sys.exit; experiment.run.start(); train.log(a=1); assert sys.exit is before; sys.exit(3)"
    done = run_job(script, "owner/project/run", {"root": str(tmp_path), "signals": False})
    assert (done.returncode, done.stderr) == (3, "")
    until(Experiment("owner/project/run", root=str(tmp_path)), "COMPLETED", [{"a": 1}])


IN_ATEXIT = """
def report():
    with experiment:
        train.log(a=1)
        assert train.read()["total"] == 1
        train.log(a=2)
        experiment.flush()
        train.log(a=3)
atexit.register(report)
"""
NO_THREADS = """
if sys.version_info < (3, 12):
    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    # 3.12 refuses threads of its own accord; this is what its refusal does to who calls.
    atexit.register(setattr, threading.Thread, "start", refuse)
"""


def test_a_run_that_begins_in_a_function_of_atexit_keeps_its_points(tmp_path: Path) -> None:
    done = run_job(IN_ATEXIT + NO_THREADS, "owner/project/run", {"root": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    until(Experiment("owner/project/run", root=str(tmp_path)), "COMPLETED", [{"a": 1}, {"a": 2}, {"a": 3}])


@pytest.mark.integration
def test_a_run_that_begins_in_a_function_of_atexit_is_published(remote: dict[str, Any]) -> None:
    prefix = f"owner/ended/{os.urandom(6).hex()}"
    done = run_job(IN_ATEXIT + NO_THREADS, prefix, remote)
    assert (done.returncode, done.stderr) == (0, "")
    until(Experiment(prefix, **remote), "COMPLETED", [{"a": 1}, {"a": 2}, {"a": 3}])
    assert not [*Path(remote["journal"]).iterdir()]
