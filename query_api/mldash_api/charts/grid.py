"""One grid of pixel columns for many runs (shape.py, cells.py), filled with points and blocks. Pure."""

import numpy as np

from .cells import RunCells
from .dots import numbers_of
from .drawing import Blocks, Points


class Grid(RunCells):
    """All cells of one run."""

    def add_points(self, points: Points) -> None:
        """Those that lie inside of what was asked for."""
        found = numbers_of(points.part, points.start, points.stop)
        numbers = {name: (rows - points.start, values.floats) for name, (rows, values) in found.items()}
        self.add_numbers(points.x.floats, points.part.first_index + points.start, numbers)

    def add_blocks(self, blocks: Blocks) -> None:
        """Each of them lies inside as a whole."""
        column = self.shape.column_of(blocks.low / 2 + blocks.high / 2)
        np.add.at(self.events, column, blocks.events)
        for name, spots in blocks.spots.items():
            if spots.number_count and self._request.draws(name, self.fields):
                cells = self._cells(name)
                if self.shape.width is not None:
                    cells.add_blocks(column[spots.blocks], spots)
                    continue
                cells.add_totals(column[spots.blocks], spots.counts, spots.sums)
                cells.add_values(column[spots.block], spots.times, spots.indices, spots.y.floats)
