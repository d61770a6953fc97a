"""What may be said of an experiment or a stream: bounded at the call, so that it is stored."""

import pytest

from mldash.events.limits import ABOUT_BYTES
from mldash.handles.handle import checked_about


def test_parts_up_to_the_limit_are_taken() -> None:
    text = "x" * (ABOUT_BYTES - 100)
    assert checked_about(text, ["a"], {"b": text}) == {"description": text, "tags": ["a"], "metadata": {"b": text}}


def test_a_part_above_the_limit_is_refused_with_its_size() -> None:
    with pytest.raises(ValueError, match=r"metadata has \d+ bytes encoded, at most 1048576 are stored"):
        checked_about(None, None, {"a": "x" * ABOUT_BYTES})
    with pytest.raises(ValueError, match="description has"):
        checked_about("x" * ABOUT_BYTES, None, None)
