"""Records of Python's logging in the experiment's log."""

import logging
from collections.abc import Iterator

import pytest

from mldash.handles.logging_handler import ExperimentHandler
from mldash.settings import SdkSettings
from tests.unit.producer.direct import DirectExperiment


@pytest.fixture
def logger(direct: DirectExperiment) -> Iterator[logging.Logger]:
    """A logger whose records go to the experiment."""
    logger = logging.getLogger("training.loop")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    handler = ExperimentHandler(direct)
    logger.addHandler(handler)
    yield logger
    logger.removeHandler(handler)


def test_records_become_lines_of_the_level_that_fits(direct: DirectExperiment, logger: logging.Logger) -> None:
    for level in (5, logging.DEBUG, logging.INFO, 25, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.setLevel(1)
        logger.log(level, "at %d", level)
    lines = direct.logs.read()
    assert [line["level"] for line in lines] == ["debug", "debug", "info", "info", "warn", "error", "fatal"]
    assert lines[0]["message"] == "at 5"
    assert lines[0]["metadata"] == {"logger": "training.loop"}


def test_extra_fields_and_exceptions_are_metadata(direct: DirectExperiment, logger: logging.Logger) -> None:
    try:
        raise ValueError("no")
    except ValueError:
        logger.exception("failed", extra={"step": 3, "odd": object, "text": "\udcff"})
    (line,) = direct.logs.read()
    assert line["metadata"]["step"] == 3
    assert line["metadata"]["exception_type"] == "ValueError"
    assert "test_extra_fields" in line["metadata"]["traceback"]
    assert line["metadata"]["odd"] == repr(object)


def test_lines_are_not_echoed_for_other_handlers_print_them(
    direct: DirectExperiment, logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    direct.settings = SdkSettings(echo=True)
    logger.error("once")
    assert capsys.readouterr() == ("", "")
    assert len(direct.logs.read()) == 1


def test_records_outside_of_a_run_are_not_kept(direct: DirectExperiment, logger: logging.Logger) -> None:
    direct.end()
    logger.info("too late")
    direct.start()
    logger.info("in time")
    assert [line["message"] for line in direct.logs.read()] == ["in time"]


def test_what_the_sdk_itself_logs_is_left_out(direct: DirectExperiment) -> None:
    handler = ExperimentHandler(direct)
    handler.handle(logging.makeLogRecord({"name": "aiokafka.producer", "msg": "no broker", "levelno": 40}))
    assert direct.logs.read() == []


def test_a_formatter_makes_the_message(direct: DirectExperiment, logger: logging.Logger) -> None:
    logger.handlers[0].setFormatter(logging.Formatter("%(name)s: %(message)s"))
    logger.info("x")
    assert direct.logs.read()[0]["message"] == "training.loop: x"
