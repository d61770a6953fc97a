"""Rows of log lines as MessagePack → the columns that they are stored as, checked on the way.

The decoder refuses all but lines while it decodes, the rows are turned into columns at once, and a column is encoded
at once: 0.2 µs a line. (Rows of Python objects that are checked, kept, and packed with their bucket: 0.7.)
"""

from typing import Any, Literal

import msgspec

from mldash.events.column_types import ColumnType
from mldash.events.encoding import RawRows
from mldash.events.schema import Column, Columns

from . import uniform_rows

Level = Literal["debug", "info", "warn", "error", "fatal"]
"""mldash/events/levels.py, for the decoder; a test compares the two."""

_TYPES: tuple[ColumnType, ...] = ("values", "values", "values")
_FIELDS = ["level", "message", "metadata"]
_plain = msgspec.msgpack.Decoder(list[tuple[Level, str]])
_with_metadata = msgspec.msgpack.Decoder(list[tuple[Level, str, dict[Any, Any]]])
_encode = msgspec.msgpack.Encoder().encode


class PackedHere(Columns, frozen=True, tag="columns"):
    """Columns that came as rows: what they hold was checked when they were made. `types` are those of the columns."""

    types: tuple[ColumnType, ...]


def packed(block: RawRows) -> PackedHere | None:
    """The block in columns; None where it holds anything that a line has not, which the slower way can name."""
    if block.fields not in (_FIELDS, _FIELDS[:2]):
        return None
    times = uniform_rows.floats(memoryview(block.times))
    if not times or not uniform_rows.are_finite(times):
        return None
    try:
        rows: list[tuple[Any, ...]] = (_with_metadata if len(block.fields) == 3 else _plain).decode(block.rows)
    except (msgspec.MsgspecError, RecursionError):
        return None
    if len(rows) * 8 != len(times):
        return None
    columns = [Column("values", _encode(column)) for column in zip(*rows, strict=True)]
    return PackedHere(block.fields, len(rows), times, columns, _TYPES[: len(columns)])
