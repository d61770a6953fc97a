"""`mldash ls [FILTER]`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mldash.events.printable import printable_json, printable_line

from .place import client_at, place_options

if TYPE_CHECKING:
    from mldash.client.rows import RunRow

_TITLE = "title"


@click.command("ls")
@click.argument("filter", required=False, metavar="[FILTER]")
@click.option("--sort", default="prefix", show_default=True, metavar="FIELD", help="Descending with - before it.")
@click.option("--columns", metavar="FIELD,…", help="In place of status, started, duration and what FILTER asks.")
@click.option("--limit", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="Rows at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@place_options
def command(
    filter: str | None,
    sort: str,
    columns: str | None,
    limit: int,
    as_json: bool,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """List the runs that pass FILTER, in the order of any field: mldash ls 'status = "FAILED" and params.lr < 1e-3'.

    Of an API, where there is one (--remote, MLDASH_REMOTE); else, and with --root, of local folders. docs/query.md has
    the grammar.
    """
    from mldash.client.asked import asked_runs
    from mldash.query.errors import FilterError

    client = client_at(root, remote, data, config)
    try:
        shown = [*asked_runs(filter, sort, None).columns, _TITLE] if columns is None else _split(columns)
        runs = client.runs(filter, sort, list(dict.fromkeys(shown)), limit)
    except FilterError as error:
        raise click.UsageError(str(error)) from None
    rows = runs.to_list()
    # A title is rare: its column is there where one of these runs has one, or where it was asked for.
    is_told = columns is not None or any(_TITLE in row.values for row in rows)
    _show(rows, [name for name in runs.columns if name != _TITLE or is_told], as_json)
    if (count := runs.count()) > len(rows):
        print(f"{count - len(rows):,} more: --limit {count}", file=sys.stderr)


def _split(columns: str) -> list[str]:
    """At commas that do not stand in a JSON string."""
    parts, is_quoted = [""], False
    for at, letter in enumerate(columns):
        if letter == '"' and columns[at - 1 : at] != "\\":
            is_quoted = not is_quoted
        if letter == "," and not is_quoted:
            parts.append("")
        else:
            parts[-1] += letter
    return list(dict.fromkeys(part.strip() for part in parts))


def _show(rows: Sequence[RunRow], columns: Sequence[str], as_json: bool) -> None:
    if as_json:
        print(printable_json(rows))
        return
    from rich.table import Table

    from mldash.process.tables import table_console

    table = Table("prefix", *map(printable_line, columns), box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(printable_line(row.prefix), *(_cell(name, row.values) for name in columns))
    table_console().print(table)


def _cell(name: str, values: dict[str, Any]) -> str:
    if name not in values:
        return "-"
    value = values[name]
    if name == "duration":
        return _length(value)
    if isinstance(value, list):
        return ", ".join(map(printable_line, value))
    is_time = name in ("started", "ended", "created", "updated")
    return printable_line(value[:16].replace("T", " ") if is_time else value)


def _length(seconds: float) -> str:
    """As people say it: 1d 2h, 3m 20s."""
    left, parts = round(seconds), list[str]()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2]) or "0s"
