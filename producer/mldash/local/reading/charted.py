"""Points of a metric for charts that are drawn again and again: numbers and times are packed once, and kept.

What the rows are now is read each time (StreamRows); of the file's full pages nothing is decoded twice
(state/point_columns.py), and of its times none. The last page is decoded again where the file has grown.
"""

from array import array
from collections.abc import Iterator
from typing import NamedTuple

from mldash.answers.downsample import INDEX, TIME, Columns, Piece, pieces_of, x_column
from mldash.local.row_text import seconds_of
from mldash.local.state.point_columns import PointColumns

from .stream_rows import PAGE_ROWS, StreamRows

_VALUE_BYTES = 40


class _Tail(NamedTuple):
    """Rows [first, end) of the file, its last page. `version`: of the file."""

    version: int
    first: int
    end: int
    columns: Columns


class ChartedPoints:
    """Of one metric. For one thread."""

    def __init__(self) -> None:
        self._columns = PointColumns()
        self._tail = _Tail(-1, 0, 0, {})
        self._times = array("d")
        self._version = -1

    @property
    def held_bytes(self) -> int:
        """Kept in memory, about."""
        tail = _VALUE_BYTES * sum(map(len, self._tail.columns.values()))
        return self._columns.held_bytes + tail + self._times.itemsize * len(self._times)

    def pieces(self, rows: StreamRows, x: str, first: int, end: int) -> Iterator[tuple[range, Piece]]:
        """Points [first, end) in pieces: their indices, and as downsample.py says the x of each and its fields."""
        behind = self._times_behind(rows) if x == TIME else array("d")
        for indices, columns in self._by_index(rows, first, end):
            times = self._times_of(indices, behind) if x == TIME else ()
            yield indices, (x_column(x, indices, times, columns), columns)

    def _by_index(self, rows: StreamRows, first: int, end: int) -> Iterator[tuple[range, Columns]]:
        tail = None if rows.undrained else self._last_page(rows)
        behind = end if tail is None else max(first, min(end, tail.first))
        for indices, columns in self._columns.pieces(rows, first, behind):
            if len(indices):
                yield range(indices[0], indices[0] + len(indices)), columns
        if tail is not None and behind < end:
            start, stop = behind - tail.first, end - tail.first
            yield range(behind, end), {name: values[start:stop] for name, values in tail.columns.items()}

    def _last_page(self, rows: StreamRows) -> _Tail:
        first, end, known = rows.drained // PAGE_ROWS * PAGE_ROWS, rows.drained, self._tail
        if (known.version, known.first, known.end) != (rows.file.version, first, end):
            page = rows.rows(first, end) if first < end else []
            ((_, columns),) = pieces_of([page], INDEX, seconds_of)
            self._tail = _Tail(rows.file.version, first, end, columns)
        return self._tail

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
