"""What is asked of a track on pixel columns (cells.py). Without a store: local mode is asked the same."""

from collections.abc import Sequence

from msgspec import Struct

from mldash.answers.pixel_columns import Span
from mldash_api.charts.cells import Statistic
from mldash_api.charts.shape import even_shape

from .cells import TrackCells, TrackGrid


class AskedTrackGrid(Struct, frozen=True):
    """Both times inclusive; `columns`: of pixels, at most so many; `has_path`: whether whole entries are kept too."""

    fields: Sequence[str]
    start: float | None
    end: float | None
    columns: int
    statistics: Sequence[Statistic]
    has_path: bool

    def span(self, low: float, high: float) -> Span | None:
        """The part that is asked for of a track whose times begin and end so; None: it has none."""
        first = low if self.start is None else max(low, self.start)
        last = high if self.end is None else min(high, self.end)
        return Span(first, last) if first <= last else None

    def cells(self, span: Span) -> TrackCells:
        return TrackCells(even_shape(span, self.columns), self.columns, has_path=self.has_path)

    def nothing(self) -> TrackGrid:
        """Of a track without an entry there."""
        return self.cells(Span(0.0, 0.0)).answer(self.statistics)
