"""However a process ends, a reader of the pipeline sees all that it logged, and how it ended."""

import os
import shlex
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from mldash import Experiment
from tests.stack import StackAddresses, run_mldash

pytestmark = pytest.mark.integration

SCRIPT = """
import os, signal, sys, time
from mldash import Experiment
experiment = Experiment(sys.argv[1], echo=False)
train = experiment.metrics("train")
def log():
    for step in range(500):
        train.log(step=step)
def kill(number):
    os.kill(os.getpid(), number)
    time.sleep(9)
"""


def run_script(
    prefix: str, remote: dict[str, Any], script: str, **environment: str
) -> "subprocess.CompletedProcess[str]":
    given = {"MLDASH_REMOTE": remote["remote"], "MLDASH_JOURNAL": remote["journal"], **environment}
    command = [sys.executable, "-c", SCRIPT + script, prefix]
    return subprocess.run(command, env={**os.environ, **given}, capture_output=True, text=True, timeout=60)


def until_seen(there: Experiment, status: str) -> dict[str, Any]:
    """The one session, once the reader sees this status and all points."""
    deadline = time.monotonic() + 90
    while True:
        sessions = there._reader().sessions()
        points = there.metrics("train").read()["data"]
        if len(points) == 500 and sessions and sessions[0]["status"] == status:
            assert [point["data"]["step"] for point in points] == [*range(500)]
            (session,) = sessions
            return dict(session)
        assert time.monotonic() < deadline, (len(points), sessions)
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("experiment.run.start(); log()", "COMPLETED"),
        ("experiment.run.start(); log(); raise ValueError('no')", "FAILED"),
        ("with experiment: log(); raise ValueError('no')", "FAILED"),
        ("experiment.run.start(); log(); kill(signal.SIGTERM)", "PREEMPTED"),
        ("experiment.run.start(); log(); kill(signal.SIGINT)", "CANCELLED"),
    ],
)
def test_the_pipeline_has_all_that_was_logged_and_how_the_process_ended(
    remote: dict[str, Any], script: str, status: str
) -> None:
    prefix = f"owner/exits/{os.urandom(6).hex()}"
    done = run_script(prefix, remote, script)
    session = until_seen(Experiment(prefix, **remote), status)
    assert "mldash" not in "".join(line for line in done.stderr.splitlines() if "File" not in line), done.stderr
    if status == "FAILED":
        assert (session["error"]["type"], session["error"]["message"]) == ("ValueError", "no")
        assert "ValueError: no" in session["error"]["traceback"]
    assert not [*Path(remote["journal"]).iterdir()]


def test_what_an_exit_without_python_left_is_sent_by_the_next_run_on_the_host(remote: dict[str, Any]) -> None:
    prefix = f"owner/exits/{os.urandom(6).hex()}"
    run_script(prefix, remote, "experiment.run.start(); log(); os._exit(0)")
    with Experiment(f"{prefix}-next", echo=False, **remote).run as another:
        another.metrics("train").log(a=1)
        until_seen(Experiment(prefix, **remote), "RUNNING")  # until its heartbeat is old enough to be LOST


def test_the_line_of_an_exit_without_kafka_is_the_command_that_sends_the_rest(
    remote: dict[str, Any], stack: StackAddresses
) -> None:
    prefix = f"owner/exits/{os.urandom(6).hex()}"
    done = run_script(
        prefix, remote, "with experiment: log()", MLDASH_KAFKA="127.0.0.1:9", MLDASH_CLOSE_TIMEOUT_S="0.5"
    )
    assert done.returncode == 0
    (line,) = [one for one in done.stderr.splitlines() if "mldash sync" in one]
    command = shlex.split(line.split("`")[1])
    assert command[:2] == ["mldash", "sync"]
    run_mldash(*command[1:], "--kafka", stack.kafka)
    until_seen(Experiment(prefix, **remote), "COMPLETED")


def test_a_run_that_was_killed_started_again_within_the_minute_and_completed_is_completed(
    remote: dict[str, Any],
) -> None:
    """Nothing is waited for but what is stored: the killed process's heartbeat is still fresh then."""
    prefix = f"owner/exits/{os.urandom(6).hex()}"
    run_script(prefix, remote, "experiment.run.start(); log(); experiment.flush(); kill(signal.SIGKILL)")
    run_script(prefix, remote, "with experiment: pass")
    there = Experiment(prefix, **remote)
    deadline = time.monotonic() + 90
    while (found := (there.run.status, [one["status"] for one in there._reader().sessions()])) != (
        "COMPLETED",
        ["LOST", "COMPLETED"],
    ):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.mark.parametrize("ahead_s", [-3_600, 3_600])
def test_a_host_whose_clock_is_wrong_is_not_lost_for_it_and_its_heartbeat_is_told_by_the_brokers(
    remote: dict[str, Any], ahead_s: int
) -> None:
    """The process tells all its times by a clock that is an hour off."""
    prefix = f"owner/exits/{os.urandom(6).hex()}"
    script = f"""
real = time.time
time.time = lambda: real() + {ahead_s}
experiment.run.start()
log()
experiment.flush()
print("ready", flush=True)
sys.stdin.readline()
"""
    given = {"MLDASH_REMOTE": remote["remote"], "MLDASH_JOURNAL": remote["journal"], "MLDASH_HEARTBEAT_S": "0.2"}
    command = [sys.executable, "-c", SCRIPT + script, prefix]
    with subprocess.Popen(
        command, env={**os.environ, **given}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        session = until_seen(Experiment(prefix, **remote), "RUNNING")
        process.kill()
    assert abs(datetime.fromisoformat(session["heartbeatAt"]).timestamp() - time.time()) < 300
