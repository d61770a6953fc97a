"""How much one filter may be. Whatever is above is refused with its position, before anything is evaluated."""

from typing import Final

MOST_BYTES: Final = 8 << 10
"""Of the text, in UTF-8."""

MOST_DEPTH: Final = 32
"""Brackets and `not` within each other."""

MOST_TERMS: Final = 200
"""Conditions of one filter."""

MOST_VALUES: Final = 1_000
"""Values of one `in`."""

MOST_DIGITS: Final = 309
"""Of an integer: what is larger is beyond every float64."""
