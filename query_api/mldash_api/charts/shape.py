"""The pixel columns of a grid, the same for many runs. Pure, and without a store: local mode draws by it too.

whole columns   x is the index: a column is so many indices wide, a multiple of the summaries that it is made of
                (grains.py). So every block lies in one column, and every value is exact
even columns    x is a time or a field: columns of one width over the span. A block is at most as wide as a column
                (planning.py) and lies in that of its middle: of a long stream a value may lie half a column off
"""

from typing import Final, NamedTuple

import numpy as np

from mldash.answers.kept_points import Floats, Integers, columns_of
from mldash.answers.pixel_columns import Number, Span, edges
from mldash_compactor.chunks.summaries import BLOCK_ROWS, LEVELS

POINT: Final = 1
GRAINS: Final = (POINT, BLOCK_ROWS, *LEVELS)
"""Events that one place in a view may be made of (grains.py)."""


def grain_of(width: float) -> int:
    """The coarsest that is not wider than a pixel column of so many events."""
    return max(grain for grain in GRAINS if grain <= max(width, POINT))


class Shape(NamedTuple):
    """The grid: `span` is the least and greatest x of it; `width`: indices a column, None where columns are even."""

    span: Span
    columns: int
    width: int | None

    @property
    def grain(self) -> int:
        """Of the summaries that its columns are made of."""
        return POINT if self.width is None else grain_of(self.width)

    def column_of(self, x: Floats) -> Integers:
        """In which column each lies; all lie in the span."""
        if self.width is None:
            return columns_of(x, self.span, self.columns)
        return ((x - self.span.low) // self.width).astype(np.int64)

    def edges(self) -> list[Number]:
        """Where columns begin, and where the last one ends."""
        if self.width is None:
            return edges(self.span, self.columns)
        return [self.span.low + at * self.width for at in range(self.columns + 1)]


def whole_shape(first: int, end: int, most: int) -> Shape:
    """Of the indices [first, end), which are some; at most so many columns, and at least about half of them."""
    width = -(-(end - first) // most)
    while True:
        grain = grain_of(width)
        width = -(-width // grain) * grain
        low = first if grain == POINT else first // width * width
        count = -(-(end - low) // width)
        if count <= most:
            return Shape(Span(low, low + count * width - 1), count, width)
        width += grain


def even_shape(span: Span, columns: int) -> Shape:
    """Over the span of times or of a field's values; a span of one place has one column."""
    return Shape(span, columns if span.low < span.high else 1, None)
