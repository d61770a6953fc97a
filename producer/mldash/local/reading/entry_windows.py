"""A track's entries in windows of time, one after the other, in memory that does not grow with the track.

A window ends where no block of rows goes on: entries of one time are never in two. So a track that was written in time
order is read block by block; where all blocks overlap, it is one window.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mldash.local import entries

from .stream_rows import StreamRows

WINDOW_ROWS: Final = 20_000
"""About so many in one window: what a read costs beside its rows is then nothing."""


def entry_windows(
    rows: StreamRows, start: float, end: float, columns: Sequence[str] | None
) -> Iterator[list[dict[str, Any]]]:
    """Entries in [start, end] in time order, merged, with these columns only (None: all); an entry that has none of
    them stays."""
    spans = [(one.first, one.last, one.rows) for one in rows.file.overlapping(start, end)]
    if rows.undrained:
        times = [entries.time_of(row) for row in rows.undrained]
        spans.append((min(times), max(times), len(times)))
    for last in _ends(spans):
        yield entries.answer(rows, start, min(last, end), columns)["entries"]
        start = math.nextafter(last, math.inf)


def _ends(spans: Sequence[tuple[float, float, int]]) -> Iterator[float]:
    """The last time of each window; the last one reaches to the end of all."""
    count, reach = 0, -math.inf
    for first, last, rows in sorted(spans):
        if count >= WINDOW_ROWS and first > reach:
            yield reach
            count = 0
        count, reach = count + rows, max(reach, last)
    if count:
        yield math.inf
