"""What stands in the columns of a table: those that each row of a kind has, and those of its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct

from mldash.answers.names import POINT_COLUMNS, escaped

from .asked import Kind

OwnType = Literal["index", "moment", "seconds", "text"]
Row = Mapping[str, Any]


class Layout(Struct, frozen=True):
    """`asked`: fields that have a column although no row has them. `texts`: these alone, which are JSON text in Arrow
    and Parquet whatever they hold: so the files of many runs have one schema."""

    own: tuple[tuple[str, OwnType], ...]
    fields_of: Callable[[Row], Mapping[str, Any]]
    column_of: Callable[[str], str] = str
    asked: Sequence[str] = ()
    texts: Sequence[str] = ()


def layout_of(kind: Kind, fields: Sequence[str] | None) -> Layout:
    if kind == "metrics":
        own: tuple[tuple[str, OwnType], ...] = (("index", "index"), ("createdAt", "moment"))
        return Layout(own, lambda row: row["data"], lambda name: escaped(name, POINT_COLUMNS), fields or ())
    return _OTHERS[kind]


def _but(*own: str) -> Callable[[Row], Mapping[str, Any]]:
    names = frozenset(own)
    return lambda row: {name: value for name, value in row.items() if name not in names}


_LINE: Final[tuple[tuple[str, OwnType], ...]] = (
    ("sequenceNumber", "index"),
    ("timestamp", "moment"),
    ("level", "text"),
    ("message", "text"),
)
_OTHERS: Final[dict[Kind, Layout]] = {
    "tracks": Layout((("timestamp", "seconds"),), _but("timestamp")),
    "logs": Layout(_LINE, _but(*(name for name, _ in _LINE)), texts=("metadata",)),
    "params": Layout((("name", "text"),), _but("name"), texts=("value",)),
}
