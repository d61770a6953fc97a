"""docs/sdk.md, What happens around the data: what is printed, and the load of the host."""

import socket
import sys
import time

import pytest

from tests.behaviour.conftest import MakeExperiment


def test_what_is_printed_is_in_the_log_and_the_echo_is_not_there_twice(
    make_experiment: MakeExperiment, capsys: pytest.CaptureFixture[str]
) -> None:
    printed_before = sys.stdout
    with make_experiment(capture_stdout=True, echo=True).run as experiment:
        print("one", 1)
        experiment.log("two")
        print("three", file=sys.stderr)
        print("and no end of the line", end="")
    print("after the run")
    assert sys.stdout is printed_before
    lines = experiment.logs.read()
    assert [(line["message"], line.get("metadata")) for line in lines] == [
        ("one 1", {"stream": "stdout"}),
        ("two", None),
        ("three", {"stream": "stderr"}),
        ("and no end of the line", {"stream": "stdout"}),
    ]
    out, err = capsys.readouterr()
    assert (out, err) == ("one 1\n[INFO] two\nand no end of the lineafter the run\n", "three\n")


def test_nothing_that_is_printed_is_recorded_unless_it_is_asked_for(make_experiment: MakeExperiment) -> None:
    with make_experiment().run as experiment:
        print("hello")
    assert experiment.logs.read() == []
    assert experiment.metrics.list() == []


def test_the_load_of_the_host_is_a_metric_of_its_own(make_experiment: MakeExperiment) -> None:
    with make_experiment(system_metrics_interval_s=0.02).run as experiment:
        metric = experiment.metrics(f"system/{socket.gethostname()}")
        deadline = time.monotonic() + 90
        while metric.read()["total"] < 3:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    stats = metric.stats()
    assert stats["tags"] == ["system"]
    fields = stats["fields"]
    assert 0 <= fields["memory.percent"]["min"] <= fields["memory.percent"]["max"] <= 100
    assert fields["process.memory_bytes"]["min"] > 1_000_000
    assert fields["process.cpu_percent"]["count"] >= 3
