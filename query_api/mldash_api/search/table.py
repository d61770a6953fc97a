"""All runs: a row each, a column a field. Knows nothing of MongoDB, threads or callers.

A run comes in parts (PLAIN, "params", "context", "metadata", one of each metric), and a part is replaced as a whole:
which columns the part had before is known, so no cell of a name that is gone stays.
"""

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from mldash.query.printing import text_of_field
from mldash.query.syntax import Field, Keyed, Plain, Statistic

from .columns import Column

PLAIN: Final = "plain"
_FIRST_CAPACITY: Final = 1_024

MOST_COLUMNS: Final = 200_000
"""Names of fields beyond these are left out, and counted: a name costs memory in every index."""

Part = str | tuple[str, str | None]
"""PLAIN, "params", "context", "metadata"; of a metric ("metrics", its name)."""

Values = Mapping[Any, Any]
"""Of a part: key → value; of a metric (field, statistic) → number."""


class Run(Struct, frozen=True):
    """What a row is of."""

    id: bytes
    prefix: str
    generation: int
    created_at: float | None


class RunTable:
    """Rows are reused; `epoch` counts up whenever a row begins to be of another run."""

    def __init__(self) -> None:
        self.columns: dict[Part, dict[Hashable, Column]] = {}
        self.rows: dict[bytes, int] = {}
        self.runs: list[Run | None] = []
        self.capacity = _FIRST_CAPACITY
        self.ids: NDArray[np.uint64] = np.zeros((_FIRST_CAPACITY, 2), np.uint64)
        self.is_there: NDArray[np.bool_] = np.zeros(_FIRST_CAPACITY, np.bool_)
        self.epoch = 0
        self.left_out = 0
        """Cells of names beyond MOST_COLUMNS."""
        self._free: list[int] = []
        self._parts: list[dict[Part, tuple[Hashable, ...]]] = []
        self._key_sets: dict[tuple[Hashable, ...], tuple[Hashable, ...]] = {}
        self._column_count = 0
        self._noted: list[Column] = []

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def size(self) -> int:
        """Above every row that was ever used."""
        return len(self.runs)

    def begin(self, run: Run) -> int:
        """The row of a run, empty. One that is there of another generation loses all that it had."""
        row = self.rows.get(run.id)
        if row is None:
            row = self._free.pop() if self._free else self._new_row()
            self.rows[run.id] = row
            self.ids[row] = int.from_bytes(run.id[:8], "big"), int.from_bytes(run.id[8:], "big")
            self.is_there[row] = True
            self.epoch += 1
        else:
            self._empty(row)
        self.runs[row] = run
        return row

    def remove(self, id_: bytes) -> None:
        """A run that is no more; harmless where there is none."""
        row = self.rows.pop(id_, None)
        if row is not None:
            self._empty(row)
            self.runs[row] = None
            self.is_there[row] = False
            self.epoch += 1
            self._free.append(row)

    def replace(self, row: int, part: Part, values: Values) -> None:
        """All of a part of a run."""
        before = self._parts[row].get(part, ())
        columns = self.columns.get(part)
        if columns is None:
            columns = self.columns[part] = {}
        for key in before:
            if key not in values:
                self._clear(columns, key, row)
        capacity, kept = self.capacity, list[Hashable]()
        for key, value in values.items():
            column = columns.get(key) or self._new_column(part, columns, key)
            if column is not None:
                column.put(row, value, capacity)
                kept.append(key)
        self._keep(row, part, tuple(kept))
        if not columns:
            del self.columns[part]

    def note(self, row: int, part: Part, values: Values) -> None:
        """A part of a run that has none of it yet, to be written with many others by `write_noted`."""
        columns = self.columns.get(part)
        if columns is None:
            columns = self.columns[part] = {}
        kept = list[Hashable]()
        for key, value in values.items():
            column = columns.get(key) or self._new_column(part, columns, key)
            if column is not None:
                kept.append(key)
                if not column.new_rows:
                    self._noted.append(column)
                column.new_rows.append(row)
                column.new_values.append(value)
        self._keep(row, part, tuple(kept))
        if not columns:
            del self.columns[part]

    def write_noted(self) -> None:
        """What was noted of all runs."""
        for column in self._noted:
            column.write_noted(self.capacity)
        self._noted.clear()

    def set_plain(self, row: int, key: str, value: Any) -> None:
        """One plain field of a run that has it already."""
        self.columns[PLAIN][key].put(row, value, self.capacity)

    def metrics_of(self, row: int) -> list[Part]:
        """The parts of a row that are metrics."""
        return [part for part in self._parts[row] if isinstance(part, tuple)]

    def column(self, field: Field) -> Column | None:
        """None: no run has the field. Its arrays reach to the table's capacity."""
        found: Column | None
        if isinstance(field, Plain):
            found = self.columns.get(PLAIN, {}).get(field.name)
        elif isinstance(field, Keyed):
            found = self.columns.get(field.part, {}).get(field.key)
        else:
            found = self.columns.get(("metrics", field.metric), {}).get((field.field, field.statistic))
        if found is not None:
            found.grow(self.capacity)
        return found

    def fields(self) -> Iterator[tuple[Field, Column]]:
        """All that any run has."""
        for part, columns in self.columns.items():
            for key, column in columns.items():
                yield field_of(part, key), column

    def _keep(self, row: int, part: Part, keys: tuple[Hashable, ...]) -> None:
        if keys:
            self._parts[row][part] = self._key_sets.setdefault(keys, keys)
        else:
            self._parts[row].pop(part, None)

    def _new_row(self) -> int:
        row = len(self.runs)
        self.runs.append(None)
        self._parts.append({})
        if row >= self.capacity:
            self.capacity *= 2
            self.ids = np.concatenate([self.ids, np.zeros_like(self.ids)])
            self.is_there = np.concatenate([self.is_there, np.zeros_like(self.is_there)])
        return row

    def _empty(self, row: int) -> None:
        for part in list(self._parts[row]):
            self.replace(row, part, {})

    def _new_column(self, part: Part, columns: dict[Hashable, Column], key: Hashable) -> Column | None:
        if self._column_count >= MOST_COLUMNS:
            self.left_out += 1
            return None
        self._column_count += 1
        made = columns[key] = Column(text_of_field(field_of(part, key)))
        return made

    def _clear(self, columns: dict[Hashable, Column], key: Hashable, row: int) -> None:
        column = columns[key]
        column.clear(row)
        if not column.count:
            del columns[key]
            self._column_count -= 1


def field_of(part: Part, key: Any) -> Field:
    """What a filter asks a column by."""
    if part == PLAIN:
        return Plain(key)
    return Keyed(part, key) if isinstance(part, str) else Statistic(part[1], *key)
