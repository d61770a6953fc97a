"""Tables of runs from plain dicts."""

from collections.abc import Iterable, Mapping
from typing import Any

from mldash.events.identity import experiment_id
from mldash_api.search.documents import parts_of
from mldash_api.search.table import Run, RunTable


def run_of(prefix: str) -> Run:
    return Run(experiment_id(prefix), prefix, 0, 0.0)


def put(table: RunTable, prefix: str, run: Mapping[str, Any]) -> int:
    """In the place of what was known of it."""
    row = table.begin(run_of(prefix))
    for part, values in parts_of(run):
        table.replace(row, part, values)
    return row


def table_of(runs: Iterable[Mapping[str, Any]], *, dense: bool = False) -> RunTable:
    """Runs o/p/0, o/p/1, … in rows 0, 1, …; `dense`: every column as arrays, however few runs have the field."""
    table = RunTable()
    for number, run in enumerate(runs):
        put(table, f"o/p/{number}", run)
    if dense:
        for _, column in table.fields():
            column._to_arrays(table.capacity)
    return table


def nothing() -> None:
    """No deadline."""
