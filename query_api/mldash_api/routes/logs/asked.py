"""What is asked of a log, and answered. Without a store: local mode takes and answers the same."""

from typing import TypedDict

from mldash.answers.shapes import LogLine
from mldash.events.levels import canonical_level
from mldash_api.errors import WrongParameter
from mldash_api.routes.parameters import checked_number

_HALF_A_MICROSECOND_S = 0.6e-6
"""And a little: float64 has a quarter of a microsecond there."""


class LinesAnswer(TypedDict):
    lines: list[LogLine]


def with_the_lines_own_time(start: float | None, end: float | None) -> tuple[float | None, float | None]:
    """Lines are told with microseconds: whoever asks from or to a line's own time means that line too. Raises
    WrongParameter."""
    low, high = checked_number("start", start), checked_number("end", end)
    return (
        None if low is None else low - _HALF_A_MICROSECOND_S,
        None if high is None else high + _HALF_A_MICROSECOND_S,
    )


def levels_of(levels: list[str] | None) -> list[str] | None:
    """As they are stored. Raises WrongParameter."""
    try:
        return None if levels is None else [canonical_level(level) for level in levels]
    except ValueError as error:
        raise WrongParameter("level", str(error)) from None
