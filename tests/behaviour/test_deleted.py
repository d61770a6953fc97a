"""docs/sdk.md: a process whose experiment is deleted while it writes is told so, and goes on."""

import os
import threading
import time
from typing import Any

import pytest

from mldash import Experiment
from mldash.callbacks import MldashWarning
from mldash.errors import RequestRefused
from tests.components import Pipeline
from tests.stack import run_mldash

pytestmark = pytest.mark.integration


def test_who_only_writes_is_told_once_that_its_experiment_was_deleted(
    pipeline: Pipeline, remote: dict[str, Any]
) -> None:
    prefix, told = f"owner/deleted/{os.urandom(6).hex()}", list[str]()
    heard = threading.Event()

    def on_deleted(deleted: str) -> None:
        told.append(deleted)
        heard.set()

    with Experiment(prefix, heartbeat_s=0.05, echo=False, **remote).run as experiment:
        experiment.events.on("deleted", on_deleted)
        experiment.metrics("m").log(x=1)
        assert experiment.metrics("m").read()["total"] == 1
        assert not told
        run_mldash("rm", prefix, "--yes", **pipeline.variables)
        assert heard.wait(90)
        experiment.metrics("m").log(x=2)
        with pytest.raises(RequestRefused, match="was deleted while session"):
            experiment.metrics("m").read()
    assert told == [prefix]


def test_without_a_function_for_it_a_warning_names_the_experiment(pipeline: Pipeline, remote: dict[str, Any]) -> None:
    prefix = f"owner/deleted/{os.urandom(6).hex()}"
    with (
        pytest.warns(MldashWarning, match=f"{prefix} was deleted while this process was writing to it") as warned,
        Experiment(prefix, heartbeat_s=0.05, echo=False, **remote).run as experiment,
    ):
        experiment.metrics("m").log(x=1)
        assert experiment.metrics("m").read()["total"] == 1
        run_mldash("rm", prefix, "--yes", **pipeline.variables)
        deadline = time.monotonic() + 90
        while not warned.list:
            assert time.monotonic() < deadline
            experiment.metrics("m").log(x=2)
            time.sleep(0.02)


def test_a_run_that_starts_in_the_same_process_begins_the_experiment_anew(
    pipeline: Pipeline, remote: dict[str, Any]
) -> None:
    """As in a notebook: what the run before had written is gone, and nothing waits for it."""
    prefix = f"owner/deleted/{os.urandom(6).hex()}"
    for value in range(3):
        with Experiment(prefix, echo=False, **remote).run as experiment:
            experiment.metrics("m").log(x=value)
            assert [point["data"] for point in experiment.metrics("m").read()["data"]] == [{"x": value}]
        assert experiment.metrics("m").read()["total"] == 1
        run_mldash("rm", prefix, "--yes", **pipeline.variables)
        assert experiment.metrics("m").read()["total"] == 0
