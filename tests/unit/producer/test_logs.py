"""experiment.logs: lines with a level, and how they are read."""

from datetime import UTC, datetime
from typing import Any

import pytest

from mldash.handles.values import UnsupportedValue
from mldash.settings import SdkSettings
from tests.unit.producer.direct import DirectExperiment


def test_a_line_has_number_time_level_message_and_metadata_where_there_is_any(direct: DirectExperiment) -> None:
    direct.logs.log("hello")
    direct.logs.log("there", "warn", {"a": 1}, b=[2])
    first, second = direct.logs.read()
    assert (first["sequenceNumber"], first["level"], first["message"]) == (0, "info", "hello")
    assert "metadata" not in first
    assert datetime.fromisoformat(first["timestamp"]).tzinfo == UTC
    assert first["timestamp"].endswith("Z")
    assert len(first["timestamp"]) == len("2026-01-31T12:00:00.000000Z")
    assert (second["sequenceNumber"], second["level"], second["metadata"]) == (1, "warn", {"a": 1, "b": [2]})


@pytest.mark.parametrize(
    ("given", "level"), [("DEBUG", "debug"), ("Warning", "warn"), ("critical", "fatal"), ("ERROR", "error")]
)
def test_levels_are_known_in_any_case_and_by_alias(direct: DirectExperiment, given: str, level: str) -> None:
    direct.logs.log("x", given)
    assert direct.logs.read()[0]["level"] == level


@pytest.mark.parametrize("level", ["loud", "", None, 3])
def test_another_level_is_refused_with_the_list(direct: DirectExperiment, level: Any) -> None:
    with pytest.raises(ValueError, match=r"Invalid log level: .* debug, info, warn, error, fatal"):
        direct.logs.log("x", level)
    assert direct.logs.read() == []


def test_each_level_has_its_method(direct: DirectExperiment) -> None:
    direct.logs.debug("a", step=1)
    direct.logs.info("b")
    direct.logs.warn("c")
    direct.logs.error("d")
    direct.logs.fatal("e", message="also metadata", level="too")
    lines = direct.logs.read()
    assert [line["level"] for line in lines] == ["debug", "info", "warn", "error", "fatal"]
    assert lines[0]["metadata"] == {"step": 1}
    assert lines[4]["metadata"] == {"message": "also metadata", "level": "too"}


def test_exception_adds_type_message_and_traceback(direct: DirectExperiment) -> None:
    try:
        raise KeyError("missing \ud800")
    except KeyError:
        direct.logs.exception("it failed", step=3)
    direct.logs.exception("nothing is being handled")
    first, second = direct.logs.read()
    assert first["level"] == "error"
    assert first["metadata"]["exception_type"] == "KeyError"
    assert "missing" in first["metadata"]["exception_message"]
    assert "test_exception_adds" in first["metadata"]["traceback"]
    assert first["metadata"]["step"] == 3
    assert "metadata" not in second


def test_metadata_that_can_not_be_stored_raises_and_nothing_is_written_or_printed(
    direct: DirectExperiment, capsys: pytest.CaptureFixture[str]
) -> None:
    direct.settings = SdkSettings(echo=True)
    with pytest.raises(UnsupportedValue, match=r"metadata\.bad"):
        direct.logs.info("x", bad=object())
    assert direct.logs.read() == []
    assert capsys.readouterr() == ("", "")


def test_a_message_of_several_megabytes_passes(direct: DirectExperiment) -> None:
    direct.logs.info("x" * 5_000_000)
    direct.logs.info("after")
    assert [len(line["message"]) for line in direct.logs.read()] == [5_000_000, 5]


def test_lines_are_echoed_with_their_metadata_errors_to_stderr(
    direct: DirectExperiment, capsys: pytest.CaptureFixture[str]
) -> None:
    direct.settings = SdkSettings(echo=True)
    direct.logs.info("started")
    direct.logs.warn("slow", k="v", k2=2)
    direct.logs.error("bad")
    direct.logs.fatal("worse", code=1)
    out, err = capsys.readouterr()
    assert out == "[INFO] started\n[WARN] slow [k=v, k2=2]\n"
    assert err == "[ERROR] bad\n[FATAL] worse [code=1]\n"


def test_the_setting_turns_the_echo_off(direct: DirectExperiment, capsys: pytest.CaptureFixture[str]) -> None:
    direct.logs.info("quiet")
    assert capsys.readouterr() == ("", "")


def test_read_filters_by_level_text_and_time_and_counts_what_fits(direct: DirectExperiment) -> None:
    for number in range(600):
        direct.logs.log(f"Line {number}", ["debug", "info", "error"][number % 3])
    lines = direct.logs.read()
    assert len(lines) == 600
    assert [line["sequenceNumber"] for line in direct.logs.read("error", limit=2, offset=1)] == [5, 8]
    assert len(direct.logs.read(["ERROR", "warning", "debug"])) == 400
    assert [line["sequenceNumber"] for line in direct.logs.read(search="line 59")] == [59, *range(590, 600)]
    assert [line["sequenceNumber"] for line in direct.logs.read(offset=598)] == [598, 599]
    middle = lines[300]["timestamp"]
    after = direct.logs.read(start=middle)
    assert after[0]["sequenceNumber"] <= 300
    assert all(line["timestamp"] >= middle for line in after)
    assert all(line["timestamp"] <= middle for line in direct.logs.read(end=datetime.fromisoformat(middle)))
    assert direct.logs.read(end=0) == []
    assert direct.logs.read(limit=0) == []


@pytest.mark.parametrize(
    "wrong", [{"limit": -1}, {"offset": -1}, {"level": "loud"}, {"start": "yesterday"}, {"end": []}]
)
def test_a_wrong_filter_is_refused(direct: DirectExperiment, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"negative|Invalid log level|must be seconds"):
        direct.logs.read(**wrong)


def test_follow_gives_the_lines_that_come_after_the_call(direct: DirectExperiment) -> None:
    for number in range(5):
        direct.logs.info(f"before {number}")
    following = direct.logs.follow(poll_s=0.001)
    direct.logs.info("first")
    assert next(following)["message"] == "first"
    direct.logs.debug("second")
    direct.logs.error("third")
    assert [next(following)["sequenceNumber"] for _ in range(2)] == [6, 7]


def test_follow_ends_after_the_silence_that_was_asked_for(direct: DirectExperiment) -> None:
    following = direct.logs.follow("error", poll_s=0.001, silence_s=0.01)
    direct.logs.info("not asked for")
    direct.logs.error("asked for")
    assert [line["message"] for line in following] == ["asked for"]


def test_outside_a_run_logging_raises_and_reading_does_not(direct: DirectExperiment) -> None:
    direct.logs.info("x")
    direct.end()
    with pytest.raises(RuntimeError, match="not started"):
        direct.logs.info("y")
    assert len(direct.logs.read()) == 1
