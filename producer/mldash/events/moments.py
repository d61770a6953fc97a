"""Times as people have them → ISO 8601 text, where they are values; seconds since the epoch, where they are times.

  datetime with a zone      that moment
  datetime without a zone   local time, as everywhere in Python (`fold` counts); as text it has the local offset
  date                      as text the date alone; as a time its first moment, local time
  NumPy's datetime64        UTC, as NumPy has it, and so are columns of pandas, Polars and Arrow that name no zone, and
                            pandas' Timestamp, which stands in such columns; one of whole days or longer is text without
                            an offset
  text                      ISO 8601, local time where it names no zone; only where something is read
  a number                  seconds since the epoch

NaT is None as a value, and no time.
"""

import math
import sys
from datetime import UTC, date, datetime
from typing import Any

_UTC_OFFSET = "+00:00"

_WHOLE_DAYS = frozenset("YMWD")
"""Units of datetime64 without a time of day."""

Moment = float | int | str | date
"""A time to read from or to: seconds since the epoch, ISO 8601 text, a datetime or a date; datetime64 too."""


def is_absent(value: Any) -> bool:
    """Whether it is a missing value of pandas: NaT or NA."""
    pandas = sys.modules.get("pandas")
    # getattr: a module that is being imported by another thread may not have it yet.
    return pandas is not None and (value is getattr(pandas, "NaT", pandas) or value is getattr(pandas, "NA", pandas))


def text_of(value: date) -> str:
    """ISO 8601; of a datetime with its offset."""
    if not isinstance(value, datetime) or value.tzinfo is not None:
        return value.isoformat()
    if _is_of_pandas(value):
        return value.isoformat() + _UTC_OFFSET
    try:
        # By way of timestamp(): of a time that the clock leaves out in spring astimezone() makes another moment (3.11).
        moment = datetime.fromtimestamp(value.replace(microsecond=0).timestamp(), UTC).astimezone()
        return moment.replace(microsecond=value.microsecond).isoformat()
    except (ValueError, OverflowError, OSError):
        return value.isoformat()  # datetime.min and .max are not moments: they have no local time


def texts_of(times: Any) -> Any:
    """The same of NumPy's datetime64, one or an array of them: text or nested lists of it, None for NaT."""
    numpy = sys.modules["numpy"]
    found = numpy.asarray(times)
    texts = found.astype(str)
    if numpy.datetime_data(found.dtype)[0] not in _WHOLE_DAYS:
        texts = numpy.char.add(texts, _UTC_OFFSET)
    texts = numpy.asarray(texts, dtype=object)
    texts[numpy.isnat(found)] = None
    return texts.tolist()


def seconds_of(value: Any) -> float | None:
    """A datetime, a date or a datetime64 as seconds; None for anything else.

    Raises ValueError for NaT and for what no clock of this host can say.
    """
    if isinstance(value, date):  # datetime too
        if is_absent(value):
            raise ValueError("NaT is no time")
        moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
        try:
            return moment.timestamp()
        except (ValueError, OverflowError, OSError) as error:
            raise ValueError(f"{value!r} is no time that this host can say: {error}") from error
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.datetime64):
        if numpy.isnat(value):
            raise ValueError("NaT is no time")
        return float(seconds_of_all(value))
    return None


def seconds_of_all(times: Any) -> Any:
    """An array of datetime64 as float64 seconds, NaN for NaT."""
    numpy = sys.modules["numpy"]
    unit = numpy.datetime_data(times.dtype)[0]
    if unit in _WHOLE_DAYS or unit in {"h", "m"}:
        return times.astype("datetime64[s]").astype("float64") + numpy.where(numpy.isnat(times), math.nan, 0.0)
    whole = times.astype("datetime64[s]")
    # Seconds and what is left of them by themselves: nanoseconds since 1970 are more than a float64 resolves.
    left = (times - whole) / numpy.timedelta64(1, "s")
    return numpy.where(numpy.isnat(times), math.nan, whole.astype("int64").astype("float64") + left)


def checked_moment(value: Any, what: str) -> float | None:
    """A time that was asked from or to, infinite ones too. None stays None.

    Raises ValueError that names `what` for NaN, and for anything but a time.
    """
    if value is None:
        return None
    try:
        found = _asked(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{what} must be seconds, ISO 8601 or a datetime, not {value!r:.80}") from error
    except OverflowError:  # an integer beyond any float64
        found = math.inf if value > 0 else -math.inf
    if found != found:
        raise ValueError(f"{what} must be seconds, ISO 8601 or a datetime, not {value!r:.80}")
    return found


def checked_time(value: Any, what: str) -> float:
    """A time that is finite. Raises ValueError that names `what`."""
    try:
        found = checked_moment(value, what)
    except ValueError:
        found = None
    if found is None or not math.isfinite(found):
        raise ValueError(f"{what} must be a finite time (seconds, ISO 8601 or a datetime), not {value!r:.80}")
    return found


def _asked(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    seconds = seconds_of(value)
    if seconds is not None:
        return seconds
    if isinstance(value, (bool, bytes, bytearray)):
        raise TypeError("no time")
    return float(value)


def _is_of_pandas(value: datetime) -> bool:
    kind = getattr(sys.modules.get("pandas"), "Timestamp", None)
    return kind is not None and isinstance(value, kind)
