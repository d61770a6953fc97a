"""Words of a filter → values: numbers, JSON strings, durations, times."""

import json
from datetime import UTC, datetime
from typing import Final

from .errors import FilterError
from .limits import MOST_DIGITS
from .names import Kind
from .syntax import FromNow, Value

STATUSES: Final = ("CREATED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "PREEMPTED", "LOST")

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}

_WANTED: Final[dict[Kind, str]] = {
    "text": "a text in double quotes",
    "texts": "a text in double quotes",
    "number": "a number",
    "boolean": "true or false",
    "time": 'a time: "2026-01-31", "2026-01-31T12:00:00Z", now - 7d, or seconds since 1970',
}


def text_value(word: str, text: str, position: int) -> str:
    """Of a JSON string. Raises FilterError."""
    try:
        value = json.loads(word)
        value.encode()
    except ValueError:  # UnicodeEncodeError too
        raise FilterError(text, position, word, ["a JSON string"], "it is no JSON string of whole characters") from None
    return str(value)


def number_value(word: str, text: str, position: int) -> int | float:
    """An integer stays one. Raises FilterError for what is beyond every float64."""
    digits = word.lstrip("+-")
    if digits.isascii() and digits.isdigit():
        if len(digits) <= MOST_DIGITS:
            return int(word)
    elif abs(value := float(word)) != float("inf") or digits.lower() == "inf":
        return value
    raise FilterError(text, position, word, [], "no number is so large; inf is greater than all of them")


def seconds_value(word: str, text: str, position: int) -> float:
    """Of a duration: `90s`, `1.5h`, `7d`. Raises FilterError."""
    seconds = float(word[:-1]) * _SECONDS[word[-1].lower()]
    if seconds == float("inf"):
        raise FilterError(text, position, word, [], "no time is so long")
    return seconds


def fitting(value: Value, kind: Kind, name: str, where: tuple[str, int, str]) -> Value:
    """The value as it is compared with a field of a kind: a time's text becomes seconds.

    `where`: the filter's text, the value's position, the value as it was written. Raises FilterError where the two
    could never be equal.
    """
    text, position, word = where
    if kind == "time" and isinstance(value, str):
        return _seconds_of(value, name, where)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    fits = {
        "any": True,
        "text": isinstance(value, str),
        "texts": isinstance(value, str),
        "number": is_number,
        "boolean": isinstance(value, bool),
        "time": is_number or isinstance(value, FromNow),
    }[kind]
    if not fits:
        said = "a list of texts" if kind == "texts" else f"a {kind}"
        raise FilterError(text, position, word, [_WANTED[kind]], f"{name} is {said}")
    if name == "status" and value not in STATUSES:
        raise FilterError(text, position, word, [f'"{one}"' for one in STATUSES], "there is no such status")
    return value


def _seconds_of(value: str, name: str, where: tuple[str, int, str]) -> float:
    """ISO 8601; UTC where no zone is named, for a filter means the same on every host."""
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        text, position, word = where
        raise FilterError(text, position, word, [_WANTED["time"]], f"{name} is a time") from None
