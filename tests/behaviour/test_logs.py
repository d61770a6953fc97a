"""docs/sdk.md, Logs."""

import pytest

from mldash import Experiment
from tests.behaviour.conftest import MakeExperiment


def test_lines_have_dense_numbers_levels_and_metadata(experiment: Experiment) -> None:
    experiment.log("one")
    experiment.log("two", level="WARNING", metadata={"a": 1}, b=[2])
    experiment.log("three", "critical")
    experiment.logs.debug("four", step=1)
    lines = experiment.logs.read()
    assert [(line["sequenceNumber"], line["level"], line["message"]) for line in lines] == [
        (0, "info", "one"),
        (1, "warn", "two"),
        (2, "fatal", "three"),
        (3, "debug", "four"),
    ]
    assert "metadata" not in lines[0]
    assert lines[1]["metadata"] == {"a": 1, "b": [2]}
    assert len(lines[0]["timestamp"]) == len("2026-01-31T12:00:00.000000Z")
    with pytest.raises(ValueError, match="Invalid log level"):
        experiment.log("x", level="loud")


def test_an_exception_is_logged_with_its_traceback(experiment: Experiment) -> None:
    try:
        raise KeyError("missing")
    except KeyError:
        experiment.logs.exception("it failed")
    (line,) = experiment.logs.read("error")
    assert line["metadata"]["exception_type"] == "KeyError"
    assert "test_an_exception" in line["metadata"]["traceback"]


def test_read_filters(experiment: Experiment) -> None:
    for number in range(30):
        experiment.log(f"Line {number}", ["debug", "info", "error"][number % 3])
    assert [line["sequenceNumber"] for line in experiment.logs.read("error", limit=2, offset=1)] == [5, 8]
    assert len(experiment.logs.read(["error", "debug"])) == 20
    assert [line["sequenceNumber"] for line in experiment.logs.read(search="line 2")] == [2, *range(20, 30)]
    first, *_, last = experiment.logs.read()
    assert len(experiment.logs.read(start=first["timestamp"], end=last["timestamp"])) == 30
    assert experiment.logs.read(end=0) == []


def test_follow_gives_new_lines(experiment: Experiment) -> None:
    experiment.log("before")
    following = experiment.logs.follow(poll_s=0.01)
    experiment.log("after")
    assert next(following)["message"] == "after"


def test_a_message_of_several_megabytes_passes(experiment: Experiment) -> None:
    experiment.log("x" * 5_000_000)
    assert len(experiment.logs.read()[0]["message"]) == 5_000_000


def test_lines_are_echoed_at_once(make_experiment: MakeExperiment, capsys: pytest.CaptureFixture[str]) -> None:
    with make_experiment(echo=True).run as experiment:
        experiment.log("started", k="v", n=1)
        experiment.logs.error("bad")
        out, err = capsys.readouterr()
    assert "[INFO] started [k=v, n=1]\n" in out
    assert "[ERROR] bad\n" in err
    assert "bad" not in out
