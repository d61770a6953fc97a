"""Times as texts, of the ends of the calendar too. Needs no server's package: `mldash view` uses it."""

from array import array
from datetime import UTC, datetime
from typing import Final

import numpy as np

_LATEST: Final = "9999-12-31T23:59:59.999999Z"
_EARLIEST: Final = "0001-01-01T00:00:00.000000Z"
FIRST_S: Final = datetime(1, 1, 2, tzinfo=UTC).timestamp()
END_S: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
_FEW: Final = 20
"""Times, which are told one by one sooner than all at once."""
_ZONE: Final = len("+00:00")


def iso_times(times: "array[float]") -> list[str]:
    """What shapes.iso_time says of each, all at once: a page has thousands, and one by one they were most of its cost.

    A time beyond the calendar, which only a foreign producer sends, is shown as its end: the read must not fail.
    """
    if len(times) < _FEW:
        return [iso(time) for time in times]
    seconds = np.frombuffer(times, np.float64)
    if not len(seconds) or seconds.min() < FIRST_S or seconds.max() >= END_S:
        return [iso(time) for time in times]
    fraction, whole = np.modf(seconds)  # rounded as datetime does it: half to even, of the fraction alone
    moments = whole.astype(np.int64) * 1_000_000 + np.rint(fraction * 1e6).astype(np.int64)
    texts: list[str] = np.datetime_as_string(moments.view("datetime64[us]"), timezone="UTC").tolist()
    return texts


def iso_or_none(time: float | None) -> str | None:
    """Of a time that may not be known."""
    return None if time is None else iso(time)


def iso(time: float) -> str:
    """2026-01-31T12:00:00.000000Z; beyond the calendar its end."""
    try:
        return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds")[:-_ZONE] + "Z"
    except (ValueError, OverflowError, OSError):
        return _LATEST if time > 0 else _EARLIEST
