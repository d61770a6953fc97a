"""The rows of one stream as a read sees them: those of its file, and behind them what is not yet drained."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, Final

from mldash.local.row_index import BLOCK_ROWS, TimeOf
from mldash.local.row_reader import RowReader

PAGE_ROWS: Final = 16 * BLOCK_ROWS

Row = dict[str, Any]


class StreamRows:
    """Rows 0 … count - 1. The file's rows are read as they are asked for, never all at once."""

    def __init__(self, file: RowReader, undrained: Sequence[Row], time_of: TimeOf) -> None:
        self.file = file
        self.drained = file.end.rows
        """The file may grow while this is read: what counts is how far it went when the undrained rows were seen."""
        self.undrained = undrained
        self._time_of = time_of

    @property
    def count(self) -> int:
        return self.drained + len(self.undrained)

    def rows(self, first: int, stop: int) -> list[Row]:
        """Rows first … stop - 1, as many of them as there are."""
        drained = self.drained
        found = self.file.rows(first, min(stop, drained)) if first < drained else []
        if stop > drained:
            found = [*found, *self.undrained[max(0, first - drained) : stop - drained]]
        return found

    def pages(self, first: int = 0, stop: int | None = None) -> Iterator[list[Row]]:
        """All rows from `first` on, in pages of a bounded number of rows."""
        stop = self.count if stop is None else min(stop, self.count)
        while first < stop:
            page_end = min(stop, (first // PAGE_ROWS + 1) * PAGE_ROWS)
            yield self.rows(first, page_end)
            first = page_end

    def between(self, start: float | None, end: float | None) -> Iterator[Row]:
        """Rows whose time lies in [start, end], in the order of the file; blocks that lie outside are not read."""
        low, high = -math.inf if start is None else start, math.inf if end is None else end
        if low > high:
            return
        for block in self.file.overlapping(low, high):
            rows = self.file.read(block, block)[: max(0, self.drained - block.first_row)]
            if low <= block.first and block.last <= high:
                yield from rows
            else:
                yield from (row for row in rows if low <= self._time_of(row) <= high)
        yield from (row for row in self.undrained if low <= self._time_of(row) <= high)

    def earliest(self, start: float | None, end: float | None, limit: int) -> Iterator[Row]:
        """As `between`, of no more blocks than the `limit` earliest times are in: those all come, some others may."""
        low, high = -math.inf if start is None else start, math.inf if end is None else end
        behind = [row for row in self.undrained if low <= self._time_of(row) <= high]
        times = _Times()
        for row in behind:
            times.add(self._time_of(row))
        found = defaultdict[int, list[Row]](list)
        blocks = self.file.overlapping(low, high) if low <= high else ()
        for block in sorted(blocks, key=lambda one: (one.first, one.first_row)):
            if times.before(max(low, block.first)) >= limit:
                break
            for row in self.file.read(block, block)[: max(0, self.drained - block.first_row)]:
                if low <= (time := self._time_of(row)) <= high:
                    found[block.first_row].append(row)
                    times.add(time)
        for first_row in sorted(found):
            yield from found[first_row]
        yield from behind

    def times(self) -> tuple[float, float] | None:
        """The smallest and the greatest time; None where there are no rows."""
        blocks = self.file.blocks
        firsts = [block.first for block in blocks]
        lasts = [block.last for block in blocks]
        behind = [self._time_of(row) for row in self.undrained]
        if not firsts and not behind:
            return None
        return min(firsts + behind), max(lasts + behind)


class _Times:
    """Different times, counted as far as they are settled: nothing that is still to come lies before them."""

    def __init__(self) -> None:
        self._all = set[float]()
        self._open = list[float]()  # a heap
        self._settled = 0

    def add(self, time: float) -> None:
        if time not in self._all:
            self._all.add(time)
            heappush(self._open, time)

    def before(self, time: float) -> int:
        """How many; none is added that is before it from now on."""
        while self._open and self._open[0] < time:
            heappop(self._open)
            self._settled += 1
        return self._settled
