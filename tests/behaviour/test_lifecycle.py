"""docs/sdk.md, Experiment: the status says how a process ended, whatever the mode, and nothing is lost by it."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any

import pytest

from mldash import Experiment
from tests.behaviour.conftest import MakeExperiment

JOB = """
import json, os, signal, sys, time
from mldash import Experiment

experiment = Experiment(sys.argv[1], **json.loads(sys.argv[2]))
train = experiment.metrics("train")
def signalled(number):
    os.kill(os.getpid(), number)
    time.sleep(60)
"""

RunJob = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run_job(mode_keywords: dict[str, Any], prefix: str) -> RunJob:
    """Run a user's script in the case's mode; `experiment` is there, not yet started, and `train` a metric."""

    def run(script: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", JOB + textwrap.dedent(script), prefix, json.dumps(mode_keywords)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


def eventually(ask: Callable[[], Any], expected: Any) -> None:
    """Another process wrote: this one does not know what to wait for."""
    deadline = time.monotonic() + 90
    while (found := ask()) != expected:
        assert time.monotonic() < deadline, f"{found!r}, and not {expected!r}"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("experiment.run.start(); train.log(a=1)", "COMPLETED"),
        ("with experiment.run: train.log(a=1)", "COMPLETED"),
        ("with experiment: train.log(a=1); sys.exit(0)", "COMPLETED"),
        ("experiment.run.start(); train.log(a=1); raise ValueError('by nought')", "FAILED"),
        ("with experiment: train.log(a=1); sys.exit(3)", "FAILED"),
        ("experiment.run.start(); train.log(a=1); signalled(signal.SIGINT)", "CANCELLED"),
        ("with experiment.run: train.log(a=1); signalled(signal.SIGINT)", "CANCELLED"),
        ("experiment.run.start(); train.log(a=1); signalled(signal.SIGTERM)", "PREEMPTED"),
        ("with experiment.run: train.log(a=1); signalled(signal.SIGTERM)", "PREEMPTED"),
    ],
)
def test_leaving_sets_the_status_and_loses_nothing(
    run_job: RunJob, make_experiment: MakeExperiment, script: str, status: str
) -> None:
    done = run_job(script)
    looking = make_experiment()
    eventually(lambda: looking.run.status, status)
    eventually(lambda: [point["data"] for point in looking.metrics("train").read()["data"]], [{"a": 1}])
    if "SIGTERM" in script:
        assert done.returncode == 128 + signal.SIGTERM, done.stderr


def test_a_failure_is_kept_with_type_message_and_traceback(run_job: RunJob, make_experiment: MakeExperiment) -> None:
    done = run_job(
        """
        def divide():
            raise ZeroDivisionError("by nought")
        with experiment.run:
            divide()
        """
    )
    assert done.returncode == 1
    assert "ZeroDivisionError: by nought" in done.stderr
    looking = make_experiment()
    eventually(lambda: looking.run.status, "FAILED")
    (session,) = looking._reader().sessions()
    error = session["error"]
    assert (error["type"], error["message"]) == ("ZeroDivisionError", "by nought")
    assert "in divide" in error["traceback"]
    assert (session["host"], session["status"]) != ("", "RUNNING")
    assert "git" in session["context"] or "command" in session["context"]


def test_a_killed_process_loses_nothing_that_the_next_run_does_not_bring(
    run_job: RunJob, make_experiment: MakeExperiment
) -> None:
    done = run_job("experiment.run.start(); [train.log(i=i) for i in range(2_000)]; signalled(signal.SIGKILL)")
    assert done.returncode == -signal.SIGKILL
    with make_experiment().run as experiment:
        experiment.metrics("after").log(x=1)

        def steps() -> list[int]:
            return [point["data"]["i"] for point in experiment.metrics("train").iter()]

        eventually(steps, list(range(2_000)))


def test_a_coroutine_is_a_run_too(make_experiment: MakeExperiment) -> None:
    import asyncio

    experiment = make_experiment()

    @experiment.run
    async def train(value: int) -> int:
        experiment.metrics("m").log(x=value)
        return value

    assert asyncio.run(train(7)) == 7
    assert experiment.run.status == "COMPLETED"

    async def block() -> None:
        async with experiment as opened:
            assert opened.run.status == "RUNNING"
            raise LookupError("no luck")

    with pytest.raises(LookupError, match="no luck"):
        asyncio.run(block())
    assert experiment.run.status == "FAILED"
    assert experiment.metrics("m").read()["total"] == 1


def test_an_error_given_to_fail_is_kept(make_experiment: MakeExperiment) -> None:
    experiment = make_experiment().run.start()
    experiment.run.fail("the loss is not finite")
    (session,) = make_experiment()._reader().sessions()
    assert (session["status"], session["error"]["message"]) == ("FAILED", "the loss is not finite")
    try:
        raise OSError("disk")
    except OSError as error:
        experiment.run.start()
        experiment.run.fail(error)
    assert make_experiment()._reader().sessions()[-1]["error"]["type"] == "OSError"


def test_a_handle_taken_earlier_is_valid_through_end_and_start(experiment: Experiment) -> None:
    metric, track = experiment.metrics("m"), experiment.tracks("t")
    calls: list[Callable[[], object]] = [
        lambda: metric.log(x=1),
        lambda: metric.log_many(x=[1, 2]),
        lambda: metric.buffer(x=1),
        lambda: metric.summary_cache.store(x=1),
        lambda: metric.summary_cache.summarize(),
        lambda: experiment.metrics.buffer.log_summary(),
        lambda: track.append(x=1),
        lambda: track.append_many(_ts=[1.0], x=[1]),
        lambda: experiment.params.set(a=1),
        lambda: experiment.logs.warn("text"),
    ]
    for call in calls:
        call()
    experiment.run.complete()
    for call in calls:
        with pytest.raises(RuntimeError, match=r"not started.*experiment\.run\.start\(\)"):
            call()
    experiment.run.start()
    metric.log(x=2)
    track.append(x=2, _ts=2.0)
    assert metric.read()["data"][-1]["data"] == {"x": 2}
    assert [entry["x"] for entry in track.read(1.0, 2.0)["entries"]] == [1, 2]


def test_a_program_that_seeds_random_draws_the_same_numbers_as_without_us(run_job: RunJob) -> None:
    """Our threads, and the client of Kafka on them, have their own."""
    done = run_job("""
        import random
        random.seed(7)
        before = random.getstate()
        with experiment:
            for i in range(1_000):
                train.log(a=i)
            experiment.flush()
        assert random.getstate() == before
    """)
    assert done.returncode == 0, done.stderr
