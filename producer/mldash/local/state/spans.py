"""A process's own knowledge of the row files that it has followed from their first row on.

A metric's metadata.json says how many points there are and when the first and the last were logged. To read that back
from the file just written was half of the cost of a new name.
"""

from collections.abc import Sequence
from typing import NamedTuple

from mldash.local.row_file import Piece

from .acknowledged import FileEnd


class Span(NamedTuple):
    """The rows of a file, and the times of the first and the last."""

    rows: int
    first: float
    last: float


class Spans:
    """By the file's name."""

    def __init__(self) -> None:
        self._known: dict[str, Span] = {}

    def follow(self, file: str, before: FileEnd, after: FileEnd, pieces: Sequence[Piece]) -> None:
        """These rows were appended and acknowledged."""
        known = self._known.get(file)
        if before.rows == 0 and pieces:
            self._known[file] = Span(after.rows, pieces[0].times[0], pieces[-1].times[-1])
        elif known is not None and known.rows == before.rows and pieces:
            self._known[file] = Span(after.rows, known.first, pieces[-1].times[-1])
        else:
            self._known.pop(file, None)  # another process has written between

    def of(self, file: str, end: FileEnd | None) -> Span | None:
        """None where not all rows up to the acknowledged end were followed."""
        known = self._known.get(file)
        return known if known is not None and end is not None and known.rows == end.rows else None
