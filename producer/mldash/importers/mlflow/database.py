"""`mlflow.db`: SQLite, opened to be read only. Points of a run come in the order of their rows."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from math import isfinite
from typing import Any, Final

from mldash.importers.events import FoundRun, LeftOut
from mldash.importers.sqlite import FAULTS, Database, DatabaseUnreadable

from .runs import Facts, Point, run_of, value_of

TABLES: Final = frozenset(("experiments", "runs", "metrics", "params", "tags"))
_ROW_BYTES: Final = 100
"""Of a point, about: for the progress."""


def runs_of(store: Database, skipped: dict[str, int]) -> Iterator[FoundRun]:
    """The runs of a database that has TABLES. Deleted ones are counted in `skipped`. Raises DatabaseUnreadable."""
    path = store.path
    try:
        with closing(store.connect()) as database:
            known = [*_facts(database)]
            counts = dict(database.execute("select run_uuid, count(*) from metrics group by run_uuid"))
    except FAULTS as error:
        raise DatabaseUnreadable(path, str(error)) from error
    for facts in known:
        if facts.is_deleted:
            skipped["deleted run"] = skipped.get("deleted run", 0) + 1
        else:
            yield run_of(facts, path, _Reader(store, facts.id).points, counts.get(facts.id, 0) * _ROW_BYTES)


class _Reader:
    """Of the points of one run."""

    def __init__(self, store: Database, run: str) -> None:
        self._store, self._run = store, run

    def points(self, left: LeftOut) -> Iterator[Point]:
        """Raises DatabaseUnreadable. A row that holds no numbers is left out, and counted."""
        asked = "select key, value, timestamp, step, is_nan from metrics where run_uuid = ? order by rowid"
        try:
            with closing(self._store.connect()) as database:
                for key, value, at, step, is_nan in database.execute(asked, (self._run,)):
                    if all(isinstance(one, (int, float)) for one in (value, at, step)) and isfinite(at):
                        yield Point(str(key), value_of(value, is_nan=bool(is_nan)), at, step, _ROW_BYTES)
                    else:
                        left.count("row without numbers", self._store.path)
        except FAULTS as error:
            raise DatabaseUnreadable(self._store.path, str(error)) from error


def _facts(database: sqlite3.Connection) -> Iterator[Facts]:
    params, tags = _pairs(database, "params"), _pairs(database, "tags")
    experiments = {row["experiment_id"]: row for row in _rows(database, "experiments", "experiment_id")}
    for row in _rows(database, "runs", "run_uuid", "experiment_id"):
        experiment = experiments.get(row["experiment_id"], {})
        run = str(row["run_uuid"])
        yield Facts(
            id=run,
            name=str(row.get("name") or ""),
            experiment=str(experiment.get("name") or ""),
            user=str(row.get("user_id") or ""),
            status=str(row.get("status") or ""),
            start=_whole(row.get("start_time")) or 0,
            end=_whole(row.get("end_time")),
            is_deleted="deleted" in (row.get("lifecycle_stage"), experiment.get("lifecycle_stage")),
            params=params[run],
            tags=tags[run],
        )


def _rows(database: sqlite3.Connection, table: str, *needed: str) -> Iterator[dict[str, Any]]:
    """Columns have come with the versions: those that are there. Raises DatabaseError where a needed one is not."""
    found = database.execute(f"select * from {table} order by rowid")
    names = [column[0] for column in found.description]
    if missing := {*needed} - {*names}:
        raise sqlite3.DatabaseError(f"{table} has no column {', '.join(sorted(missing))}")
    for row in found:
        yield dict(zip(names, row, strict=True))


def _pairs(database: sqlite3.Connection, table: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for run, key, value in database.execute(f"select run_uuid, key, value from {table} order by rowid"):
        found[str(run)][str(key)] = str(value if value is not None else "")
    return found


def _whole(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 2**53 else None
