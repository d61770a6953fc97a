"""docs/sdk.md, "Several objects of one prefix": which of them a run waits for."""

import gc
import json
import subprocess
import sys
import threading
from typing import Any

import pytest

from mldash import Experiment
from tests.behaviour.conftest import MakeExperiment


def dropped(keywords: dict[str, Any], prefix: str) -> None:
    """What a notebook's cell leaves behind that is run again: started, and held by nobody."""
    experiment = Experiment(prefix, **keywords).run.start()
    experiment.metrics("first").log(a=1)
    experiment.metrics("first").buffer(loss=2.0)


def test_a_run_ends_though_an_object_that_was_dropped_had_started_it(
    mode_keywords: dict[str, Any], prefix: str
) -> None:
    """The second object's complete() is the run's, and delivers; what the first had gathered is there."""
    dropped(mode_keywords, prefix)
    second = Experiment(prefix, **mode_keywords).run.start()
    second.metrics("second").log(a=1)
    second.run.complete()
    looking = Experiment(prefix, **mode_keywords)
    assert looking.run.status == "COMPLETED"
    assert [one["data"] for one in looking.metrics("first").read()["data"]] == [{"a": 1}, {"loss.mean": 2.0}]
    assert second._session is not None
    assert second._session.has_ended or mode_keywords.get("mode") == "offline"


class SlowToGo:
    """Garbage whose end takes a while: the collection that finds it goes on as long."""

    def __init__(self, found: threading.Event, may_end: threading.Event) -> None:
        self.itself, self._found, self._may_end = self, found, may_end

    def __del__(self) -> None:
        self._found.set()
        self._may_end.wait(10)


def test_a_run_ends_though_another_thread_collects_just_then(mode_keywords: dict[str, Any], prefix: str) -> None:
    """gc.collect() returns at once while another thread collects, which may be about to find the dropped object."""
    found, may_end = threading.Event(), threading.Event()
    SlowToGo(found, may_end)
    collecting = threading.Thread(target=gc.collect)
    collecting.start()
    assert found.wait(10)
    dropped(mode_keywords, prefix)
    second = Experiment(prefix, **mode_keywords).run.start()
    threading.Timer(0.2, may_end.set).start()
    second.run.complete()
    collecting.join(10)
    assert Experiment(prefix, **mode_keywords).run.status == "COMPLETED"


def test_a_run_goes_on_while_an_object_that_has_started_it_is_held(
    mode_keywords: dict[str, Any], prefix: str, make_experiment: MakeExperiment
) -> None:
    """By a handle alone too. And who ends a part of it has delivered what it logged."""
    handle = make_experiment().run.start().metrics("held")
    second = make_experiment().run.start()
    second.metrics("second").log(a=1)
    second.run.complete()
    assert second._session is not None
    assert second._session.unsent_bytes() == 0
    gc.collect()
    handle.log(b=1)
    assert make_experiment().run.status == "RUNNING"
    assert second.metrics("second").read()["total"] == 1


SCRIPT = """
import gc, json, sys
from mldash import Experiment
def start():
    experiment = Experiment(sys.argv[1], **json.loads(sys.argv[2])).run.start()
    experiment.metrics("m").log(a=1)
    experiment.metrics("m").buffer(loss=2.0)
start()
gc.collect()
"""


@pytest.mark.parametrize(("leave", "status"), [("pass", "COMPLETED"), ("1 / 0", "FAILED"), ("sys.exit(3)", "FAILED")])
def test_a_run_whose_object_was_dropped_ends_as_its_process_does(tmp_path: Any, leave: str, status: str) -> None:
    keywords = {"root": str(tmp_path), "echo": False}
    command = [sys.executable, "-c", SCRIPT + leave, "owner/project/run", json.dumps(keywords)]
    subprocess.run(command, capture_output=True, timeout=60, check=False)
    looking = Experiment("owner/project/run", **keywords)
    assert looking.run.status == status
    assert [one["data"] for one in looking.metrics("m").read()["data"]] == [{"a": 1}, {"loss.mean": 2.0}]
