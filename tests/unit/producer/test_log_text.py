"""A log line never raises for its text; what was done to it stands in the line."""

from enum import Enum
from typing import Any

import pytest

from mldash.handles.log_text import ALTERED
from mldash.handles.values import UnsupportedValue
from mldash.settings import SdkSettings

from .direct import DirectExperiment


class Raising:
    def __str__(self) -> str:
        raise KeyError("no text")

    __repr__ = __str__


class RaisingText(str):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class Colour(str, Enum):  # noqa: UP042 - its text is not its value
    RED = "red"


@pytest.mark.parametrize(
    ("message", "stored", "note"),
    [
        ("plain", "plain", None),
        ("\ud800 and ü", "\\ud800 and ü", "lone surrogates escaped"),
        (None, "None", None),
        (b"\xff", "b'\\xff'", None),
        (17, "17", None),
        (Raising(), "<Raising>", "the text of Raising raised KeyError"),
        (RaisingText("kept"), "kept", "the text of RaisingText raised RuntimeError"),
        (RaisingText("\udc80"), "\\udc80", "the text of RaisingText raised RuntimeError; lone surrogates escaped"),
        (Colour.RED, str(Colour.RED), None),
        (ValueError("why"), "why", None),
        ("", "", None),
        ("a\0b", "a\0b", None),
    ],
)
def test_any_message_is_stored_and_the_line_says_what_was_done_to_it(
    direct: DirectExperiment, message: Any, stored: str, note: str | None
) -> None:
    direct.settings = SdkSettings(echo=True)
    direct.logs.info(message)
    (line,) = direct.logs.read()
    assert line["message"] == stored
    assert line.get("metadata", {}).get(ALTERED) == note


def test_texts_of_metadata_are_escaped_and_values_of_unknown_types_still_raise(direct: DirectExperiment) -> None:
    direct.logs.info("m", path="\udcff", nested={"\udcfe": ["\udcfd", 1]})
    (line,) = direct.logs.read()
    assert line["metadata"] == {
        "path": "\\udcff",
        "nested": {"\\udcfe": ["\\udcfd", 1]},
        ALTERED: "lone surrogates escaped",
    }
    with pytest.raises(UnsupportedValue):
        direct.logs.info("m", bad=Raising())


@pytest.mark.parametrize("where", ["message", "metadata"])
def test_a_text_above_the_limit_of_a_call_is_cut(where: str, tmp_path: Any) -> None:
    from .test_session import offline

    huge = "ü" * (9 << 20)
    with offline(tmp_path).run as experiment:
        if where == "message":
            experiment.log(huge, step=1)
        else:
            experiment.log("short", text=huge, step=1)
        (line,) = experiment.logs.read()
    assert line["metadata"]["step"] == 1 and line["metadata"][ALTERED].startswith("cut")
    cut = line["message"] if where == "message" else line["metadata"]["text"]
    assert 0 < len(cut) < len(huge) and set(cut) == {"ü"}


def test_the_exception_of_a_line_may_have_no_text(direct: DirectExperiment) -> None:
    class Untold(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    try:
        raise Untold
    except Untold:
        direct.logs.exception("failed")
    (line,) = direct.logs.read()
    assert line["metadata"]["exception_type"] == "Untold"
