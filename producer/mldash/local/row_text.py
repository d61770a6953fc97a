"""Rows → lines of JSON, in pieces that end with the blocks of a row file.

A value that JSON can't say (NaN, bytes, …) stands as events/encoding.py writes it. Few rows have one, so a piece is
encoded as it is where its values' types allow it, and the outcome tells: NaN and infinities would be null in it, and
what has to be escaped begins with {"$. Only then is it gone through value by value.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final

import msgspec

from mldash.answers.shapes import iso_time
from mldash.events.encoding import exact_to_json

from .row_file import Piece
from .row_index import BLOCK_ROWS

_encode_lines = msgspec.json.Encoder().encode_lines
_SAFE: Final = frozenset((float, int, str, bool))

TimedRow = tuple[float, Any]


def pieces_of(
    first_row: int,
    rows: Iterable[TimedRow],
    values: Callable[[Any], Iterable[Any]] | None = None,
    ready: Callable[[Any], Any] | None = None,
) -> Iterator[Piece]:
    """(time, row) → pieces, the first of them up to the end of the block that `first_row` lies in.

    `values` gives the user's values in a row, `ready` a row that JSON can say; without them the rows are ready.
    """
    waiting = iter(rows)
    room = BLOCK_ROWS - first_row % BLOCK_ROWS
    while block := list(islice(waiting, room)):
        lines = [row for _, row in block]
        data = _encode_lines(lines) if values is None or ready is None else _encoded(lines, values, ready)
        yield Piece(data, [time for time, _ in block])
        room = BLOCK_ROWS


def _encoded(lines: Sequence[Any], values: Callable[[Any], Iterable[Any]], ready: Callable[[Any], Any]) -> bytes:
    if _is_safe(chain.from_iterable(map(values, lines))):
        data = _encode_lines(lines)
        if b"null" not in data and b'{"$' not in data:
            return data
    return _encode_lines([ready(line) for line in lines])


def _is_safe(values: Iterable[Any]) -> bool:
    """Whether JSON says all of them, or writes null for what it can't; also what long lists hold."""
    others = [value for value in values if type(value) not in _SAFE]
    return all(type(value) is list and (_SAFE.issuperset(map(type, value)) or _is_safe(value)) for value in others)


def json_ready(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as JSON can say them."""
    converted: dict[str, Any] = exact_to_json(fields)
    return converted


class IsoTimes:
    """iso_time() of answers/shapes.py for times that mostly lie in the same second: a third of its cost."""

    def __init__(self) -> None:
        self._known = (-1e18, "")  # no time lies within a second of it; one pair, for threads share it

    def text(self, seconds: float) -> str:
        second, head = self._known
        micros = round((seconds - second) * 1e6)
        if 0 <= micros < 1_000_000:
            return f"{head}{micros:06d}Z"
        text = iso_time(seconds)
        if round((seconds - seconds // 1) * 1e6) < 1_000_000:  # else the text is the next second's
            self._known = seconds // 1, text[:-7]
        return text


ISO_TIMES: Final = IsoTimes()
"""Of the process: many streams with a point each have the same second too."""


def seconds_of(text: str) -> float:
    """The reverse of iso_time()."""
    return datetime.fromisoformat(text).timestamp()
