"""Log lines: {"sequenceNumber", "timestamp", "level", "message", "metadata"} and how they are searched."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from mldash.answers.shapes import LogLine

from .blocks import Event
from .reading.stream_rows import Row, StreamRows
from .row_text import IsoTimes, json_ready, seconds_of


def lines_of(first_number: int, events: Iterable[Event]) -> Iterator[tuple[float, Row]]:
    """Events → lines with dense numbers from first_number on."""
    iso = IsoTimes()
    for number, (time, fields) in enumerate(events, first_number):
        row = {
            "sequenceNumber": number,
            "timestamp": iso.text(time),
            "level": fields.get("level", "info"),
            "message": fields.get("message", ""),
        }
        if "metadata" in fields:
            row["metadata"] = json_ready(fields["metadata"])
        yield time, row


def row_of(number: int, event: Event) -> Row:
    """The row that the event will be, as it reads."""
    time, fields = event
    return {"sequenceNumber": number, "timestamp": IsoTimes().text(time), **fields}


def time_of(row: Mapping[str, Any]) -> float:
    return seconds_of(row["timestamp"])


def answer(
    rows: StreamRows,
    levels: Sequence[str] | None,
    limit: int,
    offset: int,
    search: str | None,
    start: float | None,
    end: float | None,
) -> list[LogLine]:
    """The lines that fit, in order of their numbers, without the first `offset`, at most `limit`."""
    found: Iterable[Row]
    if levels is None and search is None and start is None and end is None:
        found = rows.rows(offset, offset + limit)
    else:
        found = islice(_fitting(rows, levels, search, start, end), offset, offset + limit)
    return [_line(row) for row in found]


def _fitting(
    rows: StreamRows, levels: Sequence[str] | None, search: str | None, start: float | None, end: float | None
) -> Iterator[Row]:
    wanted = None if levels is None else frozenset(levels)
    text = None if search is None else search.casefold()
    # The file's times have microseconds: a bound is compared at the same resolution.
    low, high = None if start is None else round(start, 6), None if end is None else round(end, 6)
    for row in rows.between(low, high):
        if wanted is not None and row["level"] not in wanted:
            continue
        if text is not None and text not in row["message"].casefold():
            continue
        yield row


def _line(row: Row) -> LogLine:
    line: LogLine = {
        "sequenceNumber": row["sequenceNumber"],
        "timestamp": row["timestamp"],
        "level": row["level"],
        "message": row["message"],
    }
    if "metadata" in row:
        line["metadata"] = row["metadata"]
    return line
