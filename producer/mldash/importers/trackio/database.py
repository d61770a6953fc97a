"""`PROJECT.db`: SQLite, a database a project. Rows of a run come in the order in which trackio has written them.

metrics          a row a log(): run_id, run_name, step, the time of its batch, JSON
system_metrics   the same without a step
alerts           title, text, level, step
configs          a row a run, the last one that it was begun with

Where there is an inbox the order is that of their times: trackio takes the fragments in writer by writer.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from mldash.importers.sqlite import FAULTS, Database, DatabaseUnreadable

TABLES: Final = frozenset(("metrics", "configs"))
_ROWS: Final = ("metrics", "system_metrics", "alerts")
_TEXTS: Final = {"metrics": "metrics", "system_metrics": "metrics", "alerts": "title"}
_COLUMNS: Final = {
    "metrics": ("id", "timestamp", "log_id", "step", "metrics"),
    "system_metrics": ("id", "timestamp", "log_id", "metrics"),
    "alerts": ("id", "timestamp", "alert_id", "title", "text", "level", "step"),
}
_decode = msgspec.json.Decoder().decode


class Row(NamedTuple):
    """`data`: what it says, with the names of a fragment; None where that can't be read. `place` names the row."""

    time: str
    id: str
    data: dict[str, Any] | None
    place: str
    size_bytes: int


class Known(Struct):
    """A run as a database has it; times as they stand there."""

    name: str = ""
    first: str = ""
    last: str = ""
    size_bytes: int = 0
    traces: int = 0
    config: dict[str, Any] | None = None


class Project:
    """The database of one."""

    def __init__(self, database: Database) -> None:
        """Raises DatabaseUnreadable."""
        self.path = database.path
        self._database = database
        self._columns: dict[str, set[str]] = {}
        for table in (*_ROWS, "configs", "traces"):
            asked = "select name from pragma_table_info(?)"
            self._columns[table] = {str(name) for (name,) in self._asked(asked, table)}

    def runs(self) -> dict[str, Known]:
        """By their ids; by their names where it is a database of before 0.24. Raises DatabaseUnreadable."""
        found: dict[str, Known] = {}
        for table in _ROWS:
            if self._columns[table]:
                run = self._run(table)
                asked = f"select {run}, run_name, max(id) from {table} group by {run}"
                for id, name, _ in self._asked(asked):
                    found.setdefault(str(id), Known()).name = str(name)
                text = _TEXTS[table]
                asked = f"select {run}, min(timestamp), max(timestamp), sum(length({text})) from {table} group by {run}"
                for id, first, last, size in self._asked(asked):
                    known = found[str(id)]
                    known.first = min(filter(None, (known.first, str(first))))
                    known.last = max(known.last, str(last))
                    known.size_bytes += size if isinstance(size, int) else 0
        for id, config in self._asked(f"select {self._run('configs')}, config from configs order by id"):
            if str(id) in found:
                found[str(id)].config = _told(config)
        if self._columns["traces"]:
            for id, count in self._asked("select run_id, count(*) from traces group by run_id"):
                if str(id) in found:
                    found[str(id)].traces = count
        return found

    def rows(self, table: str, run: str, *, by_time: bool) -> Iterator[Row]:
        """Those of a run. Raises DatabaseUnreadable."""
        if not self._columns[table]:
            return
        names = [name for name in _COLUMNS[table] if name in self._columns[table]]
        order = "timestamp, id" if by_time else "id"
        asked = f"select {', '.join(names)} from {table} where {self._run(table)} = ? order by {order}"
        for values in self._asked(asked, run):
            row = dict(zip(names, values, strict=True))
            size = len(row[_TEXTS[table]]) if isinstance(row.get(_TEXTS[table]), (str, bytes)) else 0
            if "metrics" in row:
                row["metrics"] = _told(row["metrics"])
            known_by = row.get("alert_id" if table == "alerts" else "log_id")
            is_read = row.get("metrics", row) is not None
            place = f"row {row.get('id')} of {table}"
            yield Row(str(row.get("timestamp")), str(known_by or ""), row if is_read else None, place, size)

    def _run(self, table: str) -> str:
        return "run_id" if "run_id" in self._columns[table] else "run_name"

    def _asked(self, asked: str, *values: str) -> Iterator[tuple[Any, ...]]:
        try:
            with closing(self._database.connect()) as database:
                yield from database.execute(asked, values)
        except FAULTS as error:
            raise DatabaseUnreadable(self.path, str(error)) from error


def _told(data: Any) -> dict[str, Any] | None:
    """JSON of a row; None where it is none of an object."""
    try:
        found = _decode(data) if isinstance(data, (str, bytes)) else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
