"""Parameters: the history in .state/params.jsonl, one line a set, and parameters.json, which follows from it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mldash.answers.shapes import iso_time
from mldash.events.merging import FoldedParams

from .blocks import Event
from .reading.stream_rows import Row, StreamRows
from .row_text import json_ready, seconds_of


def lines_of(events: Iterable[Event]) -> Iterator[tuple[float, Row]]:
    """Events → lines."""
    for time, fields in events:
        yield time, {"createdAt": iso_time(time), "data": json_ready(fields)}


def row_of(event: Event) -> Row:
    """The row that the event will be, as it reads."""
    time, fields = event
    return {"createdAt": iso_time(time), "data": fields}


def time_of(row: Mapping[str, Any]) -> float:
    return seconds_of(row["createdAt"])


class ParametersState:
    """The fold of the history's first `version` lines."""

    def __init__(self) -> None:
        self.version = 0
        self.params = FoldedParams()
        self.created_at: str | None = None
        self.updated_at: str | None = None

    def begin_with(self, file: Mapping[str, Any] | None, rows: int) -> None:
        """Take over parameters.json, where it is not newer than the history."""
        if file is not None and isinstance(file.get("data"), dict) and 0 < int(file.get("version", 0)) <= rows:
            self.version = int(file["version"])
            self.params = FoldedParams(file["data"])
            self.created_at, self.updated_at = file.get("createdAt"), file.get("updatedAt")

    def carry_on(self, rows: StreamRows) -> None:
        """Fold what the history holds beyond `version`."""
        for page in rows.pages(self.version):
            for row in page:
                self.params.set(row["data"].items())
                self.created_at = self.created_at or row["createdAt"]
                self.updated_at = row["createdAt"]
            self.version += len(page)

    def file(self) -> dict[str, Any]:
        """The content of parameters.json."""
        return {
            "version": self.version,
            "data": self.params.flat,
            "createdAt": self.created_at,
            "updatedAt": self.updated_at,
        }
