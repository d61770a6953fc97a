"""A track on pixel columns of time, however many entries it has (docs/http.md, Grids). Pure, and without a store: local
mode draws by it too.

columns   as many as asked for, of one width over the span; a track of no more entries has one for each, at its time
cells     of each number that a field holds, the statistics of a metric's grid (cells.py)
path      whole entries, so that positions stay positions: of each column its first and its last one, of each number the
          first with its least value, the first with its greatest, and the first without a value

What a path keeps of a union is what it keeps of the parts' paths together: so entries may come in pieces.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, TypedDict

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash.answers.kept_points import Floats, Integers
from mldash.answers.pixel_columns import Number
from mldash_api.charts.cells import Cells, Statistic
from mldash_api.charts.shape import Shape
from mldash_api.errors import AnswerTooLarge
from mldash_api.limits import MOST_GRID_CELLS

_ADVICE: Final = "ask for fewer `columns`, or set `points` lower"


class Leaf(NamedTuple):
    """A number of an entry: a field's own, or that at a place of the list that the field holds."""

    field: str
    part: int | None


class Piece(Struct, frozen=True):
    """Consecutive entries in the order of their times, no time twice.

    `values`: of each leaf a value an entry, NaN where it is none; `present`: which entries have any of the fields.
    """

    times: Floats
    values: dict[Leaf, Floats]
    present: NDArray[np.bool_]

    @property
    def count(self) -> int:
        return len(self.times)


class TrackSeries(TypedDict):
    """Of one leaf each statistic by its name, a value a column, NaN (in JSON null) where there is no number. `hides`:
    the columns that have numbers and entries without one beside them."""

    field: str
    part: int | None
    statistics: dict[str, list[float | None]]
    hides: list[int]


class TrackPath(TypedDict):
    """Whole entries in the order of their times; `values`: of each series, in their order, NaN where there is none."""

    timestamps: list[float]
    values: list[list[float | None]]


class TrackGrid(TypedDict):
    """Column k is [edges[k], edges[k + 1]), the last one with its end; of `fine` columns each is the one entry at its
    edge. `entries`: how many lie in each column. No `edges`: there is no entry."""

    edges: list[Number]
    fine: bool
    entries: list[int]
    totalEntries: int
    series: list[TrackSeries]
    path: TrackPath | None


class TrackCells:
    """What is drawn of a track; it holds no more than that, and the entries of a piece."""

    def __init__(self, shape: Shape, columns: int, *, has_path: bool) -> None:
        """`columns`: those asked for, which `shape` has unless it is of one time."""
        self._shape, self._columns, self._has_path = shape, columns, has_path
        self._filled = _Filled(shape.columns)
        self._few: list[Piece] | None = []
        """All that came, as long as a column for each has room."""
        self._count = 0
        self._kept = list[Piece]()

    def add(self, piece: Piece) -> None:
        """What lies behind the pieces before. Raises AnswerTooLarge."""
        if not piece.count:
            return
        self._count += piece.count
        if self._few is not None:
            self._few.append(piece)
            if self._count <= self._columns:
                return
            pieces, self._few = self._few, None
        else:
            pieces = [piece]
        for one in pieces:
            column = self._shape.column_of(one.times)
            self._filled.add(column, one)
            self._check()
            if self._has_path:
                self._kept.append(_kept(column, one))

    def answer(self, statistics: Sequence[Statistic]) -> TrackGrid:
        """Raises AnswerTooLarge."""
        if self._few is None:
            whole = _together(self._kept) if self._has_path else None
            path = None if whole is None else _kept(self._shape.column_of(whole.times), whole)
            return self._answer(self._filled, self._shape.edges(), path, statistics)
        whole = _together(self._few)
        filled, edges = _Filled(whole.count), list[Number](whole.times.tolist())
        if whole.count:
            filled.add(np.arange(whole.count), whole)
            edges.append(edges[-1])
        return self._answer(filled, edges, _there(whole) if self._has_path else None, statistics)

    def _answer(
        self, filled: "_Filled", edges: list[Number], path: Piece | None, statistics: Sequence[Statistic]
    ) -> TrackGrid:
        leaves = sorted(filled.cells, key=lambda leaf: (leaf.field, -1 if leaf.part is None else leaf.part))
        series = list[TrackSeries]()
        for leaf in leaves:
            cells = filled.cells[leaf]
            values: dict[str, list[Any]] = {one: cells.statistic(one, filled.entries).tolist() for one in statistics}
            hides = np.flatnonzero(cells.hides(filled.entries)).tolist()
            series.append({"field": leaf.field, "part": leaf.part, "statistics": values, "hides": hides})
        return {
            "edges": edges,
            "fine": self._few is not None,
            "entries": filled.entries.tolist(),
            "totalEntries": self._count,
            "series": series,
            "path": None if path is None else _told(path, leaves),
        }

    def _check(self) -> None:
        leaves = len(self._filled.cells)
        cells = leaves * self._shape.columns * (2 + 3 * leaves if self._has_path else 1)
        if cells > MOST_GRID_CELLS:
            raise AnswerTooLarge(cells, MOST_GRID_CELLS, _ADVICE)


class _Filled:
    """Columns with the entries in them."""

    def __init__(self, columns: int) -> None:
        self.entries = np.zeros(columns, np.int64)
        self.cells = dict[Leaf, Cells]()
        self._behind = 0

    def add(self, column: Integers, piece: Piece) -> None:
        np.add.at(self.entries, column, 1)
        index = self._behind + np.arange(piece.count)
        self._behind += piece.count
        for leaf, values in piece.values.items():
            at = np.flatnonzero(~np.isnan(values))
            if len(at):
                cells = self.cells.setdefault(leaf, Cells(len(self.entries)))
                cells.add_totals(column[at], np.ones(len(at), np.int64), values[at])
                cells.add_values(column[at], piece.times[at], index[at], values[at])


def kept_places(column: Integers, values: Sequence[Floats]) -> NDArray[np.intp]:
    """Places of the entries that a path needs, of entries in the order of their columns; at least one."""
    starts = np.concatenate(([0], np.flatnonzero(column[1:] != column[:-1]) + 1))
    ends = np.append(starts[1:], len(column))
    places = [starts, ends - 1]
    for one in values:
        is_missing = np.isnan(one)
        places.append(_firsts(is_missing, starts, ends))
        for extreme, other in ((np.minimum, np.inf), (np.maximum, -np.inf)):
            numbers = np.where(is_missing, other, one)
            is_extreme = numbers == np.repeat(extreme.reduceat(numbers, starts), ends - starts)
            places.append(_firsts(is_extreme & ~is_missing, starts, ends))
    return np.unique(np.concatenate(places))


def _firsts(wanted: NDArray[np.bool_], starts: NDArray[np.intp], ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first wanted place of each column that has one."""
    hits = np.append(np.flatnonzero(wanted), len(wanted))
    first = hits[np.searchsorted(hits, starts)]
    return first[first < ends]


def _kept(column: Integers, piece: Piece) -> Piece:
    """What a path keeps of it. Entries with none of the fields say nothing of a path."""
    at = np.flatnonzero(piece.present)
    if not len(at):
        return _take(piece, at)
    return _take(piece, at[kept_places(column[at], [values[at] for values in piece.values.values()])])


def _there(piece: Piece) -> Piece:
    return _take(piece, np.flatnonzero(piece.present))


def _take(piece: Piece, at: NDArray[np.intp]) -> Piece:
    values = {leaf: values[at] for leaf, values in piece.values.items()}
    return Piece(piece.times[at], values, piece.present[at])


def _together(pieces: Sequence[Piece]) -> Piece:
    if not pieces:
        return Piece(np.empty(0), {}, np.empty(0, np.bool_))
    leaves = dict.fromkeys(leaf for piece in pieces for leaf in piece.values)
    values = {leaf: np.concatenate([_of(piece, leaf) for piece in pieces]) for leaf in leaves}
    present = np.concatenate([piece.present for piece in pieces])
    return Piece(np.concatenate([piece.times for piece in pieces]), values, present)


def _told(path: Piece, leaves: Sequence[Leaf]) -> TrackPath:
    return {"timestamps": path.times.tolist(), "values": [_of(path, leaf).tolist() for leaf in leaves]}


def _of(piece: Piece, leaf: Leaf) -> Floats:
    found = piece.values.get(leaf)
    return np.full(piece.count, np.nan) if found is None else found
