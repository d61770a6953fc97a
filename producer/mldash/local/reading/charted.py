"""Points of a metric for charts that are drawn again and again: numbers and times are packed once, and kept.

What the rows are now is read each time (StreamRows); of the file's full pages nothing is decoded twice
(state/point_columns.py), and of its times none.
"""

from array import array
from collections.abc import Iterator

from mldash.answers.downsample import TIME, Piece, x_column
from mldash.local.row_text import seconds_of
from mldash.local.state.point_columns import PointColumns

from .stream_rows import StreamRows


class ChartedPoints:
    """Of one metric. For one thread."""

    def __init__(self) -> None:
        self._columns = PointColumns()
        self._times = array("d")
        self._version = -1

    @property
    def held_bytes(self) -> int:
        """Kept in memory, about."""
        return self._columns.held_bytes + self._times.itemsize * len(self._times)

    def pieces(self, rows: StreamRows, x: str, first: int, end: int) -> Iterator[tuple[range, Piece]]:
        """Points [first, end) in pieces: their indices, and as downsample.py says the x of each and its fields."""
        behind = self._times_behind(rows) if x == TIME else array("d")
        for indices, columns in self._columns.pieces(rows, first, end):
            there = range(indices[0], indices[0] + len(indices)) if len(indices) else range(0)
            times = self._times_of(there, behind) if x == TIME else ()
            yield there, (x_column(x, there, times, columns), columns)

    def _times_behind(self, rows: StreamRows) -> "array[float]":
        """Those of the rows that are not in the file; of the file's all are known then."""
        if rows.file.version != self._version or len(self._times) > rows.drained:
            self._version, self._times = rows.file.version, array("d")
        for page in rows.pages(len(self._times), rows.drained):
            self._times.extend(seconds_of(row["createdAt"]) for row in page)
        return array("d", (seconds_of(row["createdAt"]) for row in rows.undrained))

    def _times_of(self, indices: range, behind: "array[float]") -> "array[float]":
        known = len(self._times)
        if indices.stop <= known:
            return self._times[indices.start : indices.stop]
        return array("d", (self._times[at] if at < known else behind[at - known] for at in indices))
