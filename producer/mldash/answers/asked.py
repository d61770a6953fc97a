"""Arguments of reads → checked and plain, before a mode sees them: so each means the same in every mode.

counts            whole numbers of any kind (NumPy's too), not negative; what is above 2**62 means "all"
names             one text, or several
seconds to wait   any number but NaN, infinite too; below 0 is 0
times             moments.py
"""

import math
import operator
from collections.abc import Iterable
from typing import Any

from mldash.events.identity import check_name

from .limits import MOST_COUNT, SEARCH_LENGTH


def checked_count(value: Any, what: str) -> int:
    """Raises ValueError for a negative one, TypeError for anything but a whole number; both name it."""
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, not {type(value).__name__}") from None
    if count < 0:
        raise ValueError(f"{what} is {count}, it must not be negative")
    return min(count, MOST_COUNT)


def checked_names(names: Any, what: str) -> list[str] | None:
    """One name or several; None stays None. Raises TypeError for anything but text, ValueError for an empty list."""
    if names is None:
        return None
    if isinstance(names, str):
        names = [names]
    listed = list(names) if isinstance(names, Iterable) and not isinstance(names, bytes) else [names]
    for name in listed:
        if not isinstance(name, str):
            raise TypeError(f"{what} must be texts, not {type(name).__name__}")
        check_name(what, name)
    return [str.__str__(name) for name in listed]


def checked_wait(seconds: Any) -> float | None:
    """None stays None: the setting's. Raises ValueError for NaN, and for anything but a number."""
    if seconds is None:
        return None
    try:
        wait = math.nan if isinstance(seconds, (str, bytes)) else float(seconds)
    except (TypeError, ValueError):
        wait = math.nan
    except OverflowError:
        wait = math.inf
    if wait != wait:
        raise ValueError(f"wait must be seconds, not {seconds!r:.80}")
    return max(wait, 0.0)


def checked_rate(rate: Any) -> float:
    """Entries a second. Raises ValueError for anything but a finite number above 0."""
    try:
        found = 0.0 if isinstance(rate, (str, bytes)) else float(rate)
    except (TypeError, ValueError, OverflowError):
        found = 0.0
    if not 0 < found < math.inf:
        raise ValueError(f"rate must be a finite number above 0, not {rate!r:.80}")
    return found


def checked_search(text: Any) -> str | None:
    """None and the empty text: every line. Raises TypeError for anything but text, ValueError for one too long."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"search must be text, not {type(text).__name__}")
    if len(text) > SEARCH_LENGTH:
        raise ValueError(f"search has {len(text)} characters, at most {SEARCH_LENGTH} are allowed")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"search has a lone surrogate at position {error.start}") from None
    return str.__str__(text) or None
