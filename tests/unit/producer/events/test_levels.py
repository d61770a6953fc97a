"""Levels of log lines."""

from typing import Any

import pytest

from mldash.events.levels import LEVELS, canonical_level


@pytest.mark.parametrize("level", LEVELS)
def test_levels_are_known_in_any_case(level: str) -> None:
    assert canonical_level(level.upper()) == canonical_level(level.title()) == level


def test_aliases_stand_for_levels() -> None:
    assert (canonical_level("Warning"), canonical_level("CRITICAL")) == ("warn", "fatal")


@pytest.mark.parametrize("level", ["", "loud", None, 20])
def test_another_level_is_refused_with_the_list(level: Any) -> None:
    with pytest.raises(ValueError, match=r"Invalid log level: .*debug, info, warn, error, fatal"):
        canonical_level(level)
