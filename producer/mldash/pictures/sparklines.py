"""A curve in one line of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

BLOCKS: Final = "▁▂▃▄▅▆▇█"
PLAIN: Final = "_.-~=+*#"
"""For terminals that have no other letters."""


def sparkline(values: Sequence[float | None], letters: str = BLOCKS) -> str:
    """A letter a value, a blank where there is none. Infinities are at the ends; equal values in the middle."""
    known = [value for value in values if value is not None and math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    return "".join(" " if value is None or value != value else letters[_height(value, low, high)] for value in values)


def letters_for(encoding: str | None) -> str:
    """Those that the encoding can say."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def _height(value: float, low: float, high: float) -> int:
    if math.isinf(value):
        return len(BLOCKS) - 1 if value > 0 else 0
    if high == low:
        return len(BLOCKS) // 2 - 1
    return round((value / 2 - low / 2) / (high / 2 - low / 2) * (len(BLOCKS) - 1))  # halves: no overflow
