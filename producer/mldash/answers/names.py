"""The name of a field in an answer that uses this name itself: one rule for all, so that names stay distinct.

    columns of points    `index`, `createdAt`       a field called so, perhaps behind underscores, has one more before
    entries of a track   `timestamp`                it: `index` is `_index`, `_index` is `__index`, and so on
    frames of mocap      `time`
    whole events         `events`, where a table has a column of them

Points are stored under the names that users gave, and escaped in the answer. The entries of a track the SDK escapes
before it sends them: they are stored as they are shown. Another producer may send a field `timestamp` all the same:
it is shown as `field:timestamp`, and one that is called so as `field:field:timestamp`.
"""

from collections.abc import Collection, Mapping
from typing import Final, TypeVar

POINT_COLUMNS: Final = ("index", "createdAt")
ENTRY_COLUMNS: Final = ("timestamp",)
FRAME_COLUMNS: Final = ("time",)
WHOLE_EVENTS: Final = "events"

_TIMESTAMP: Final = "timestamp"
_STORED: Final = "field:"
_Value = TypeVar("_Value")


def escaped(name: str, reserved: Collection[str]) -> str:
    """The field's name beside the reserved ones; no two names become one, and none becomes a reserved one."""
    return f"_{name}" if is_escaped(name, reserved) else name


def is_escaped(name: str, reserved: Collection[str]) -> bool:
    return name.lstrip("_") in reserved


def sent_entry(fields: Mapping[str, _Value]) -> dict[str, _Value]:
    """An entry of a user's as it is sent, stored and shown."""
    return {escaped(name, ENTRY_COLUMNS): value for name, value in fields.items()}


def shown_entry_field(stored: str) -> str:
    """The name of a stored entry's field in an answer."""
    return _STORED + stored if _is_as_the_time(stored) else stored


def stored_entry_field(shown: str) -> str | None:
    """The reverse; None for the entry's own time."""
    if shown == _TIMESTAMP:
        return None
    return shown.removeprefix(_STORED) if _is_as_the_time(shown) else shown


def _is_as_the_time(name: str) -> bool:
    """Whether it is "timestamp", perhaps behind any number of "field:"."""
    if not name.endswith(_TIMESTAMP):
        return False
    before = name[: -len(_TIMESTAMP)]
    return before == _STORED * (len(before) // len(_STORED))
