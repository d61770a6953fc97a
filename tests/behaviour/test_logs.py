"""docs/sdk.md, Logs."""

import re
from datetime import datetime

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


def test_levels_take_any_case_and_aliases(experiment: Experiment) -> None:
    for level in ("DEBUG", "Info", "warning", "WARN", "Error", "critical", "FATAL"):
        experiment.log("line", level=level)
    experiment.logs.warning("line")
    experiment.logs.critical("line")
    wanted = ["debug", "info", "warn", "warn", "error", "fatal", "fatal", "warn", "fatal"]
    assert [line["level"] for line in experiment.logs.read()] == wanted
    assert len(experiment.logs.read(level="Warning")) == 3
    with pytest.raises(ValueError, match=r"Invalid log level.*debug, info, warn, error, fatal"):
        experiment.logs.read(level="loud")


def test_pages_and_times_of_lines(experiment: Experiment) -> None:
    for number in range(25):
        experiment.log(number)
    lines = experiment.logs.read(limit=10, offset=20)
    assert [(line["sequenceNumber"], line["message"]) for line in lines] == [(n, str(n)) for n in range(20, 25)]
    assert experiment.logs.read(limit=0) == experiment.logs.read(offset=25) == []
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", lines[0]["timestamp"])
    moment = datetime.fromisoformat(lines[0]["timestamp"])
    assert experiment.logs.read(start=moment)[-1]["sequenceNumber"] == 24
    assert len(experiment.logs.read(start=moment.timestamp() - 3600, end=moment.timestamp() + 3600)) == 25
    for wrong in ({"limit": -1}, {"offset": -1}, {"start": "yesterday"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            experiment.logs.read(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "ü 日本 \n two lines", "a\0b", "100% $where .*", "[info] x [k=v]"])
def test_a_message_may_be_any_text_and_is_found_by_it(experiment: Experiment, text: str) -> None:
    experiment.log("another")
    experiment.log(text, metadata={"level": "mine", "message": 1, "$x.y": None})
    line = experiment.logs.read()[1]
    assert (line["message"], line["metadata"]) == (text, {"level": "mine", "message": 1, "$x.y": None})
    if text:
        assert [found["sequenceNumber"] for found in experiment.logs.read(search=text)] == [1]


def test_follow_is_of_a_level_and_ends_after_silence(experiment: Experiment) -> None:
    experiment.log("before", level="error")
    following = experiment.logs.follow("error", poll_s=0.01, silence_s=1.5)
    experiment.log("unwanted")
    experiment.log("wanted", level="error")
    experiment.flush()
    assert [line["message"] for line in following] == ["wanted"]


def test_metadata_of_a_line_join_and_keywords_win(experiment: Experiment) -> None:
    experiment.log("line", metadata={"a": 1, "b": 1}, b=2, c={"d": [3]})
    experiment.log("line", metadata={})
    first, second = experiment.logs.read()
    assert first["metadata"] == {"a": 1, "b": 2, "c": {"d": [3]}}
    assert "metadata" not in second
