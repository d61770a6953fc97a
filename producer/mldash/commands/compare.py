"""`mldash compare PREFIX PREFIX …`"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mldash.events.printable import printable_json, printable_line

from .place import client_at, place_options

if TYPE_CHECKING:
    from mldash.answers.shapes import Comparison

_TWO: Final = 2
_DIFFER: Final = 3


@click.command("compare")
@click.argument("prefixes", nargs=-1, required=True, metavar="PREFIX…")
@click.option("--all", "everything", is_flag=True, help="Rows in which all agree, too.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--exit-code", is_flag=True, help="3 where parameters, context or statistics differ, 0 where none do.")
@place_options
def command(
    prefixes: tuple[str, ...],
    everything: bool,
    as_json: bool,
    exit_code: bool,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Show what runs differ in: parameters, context, and statistics of metrics.

    \b
    mldash compare alice/robots/walk-07 alice/robots/walk-08
    mldash compare $(mldash ls 'tags has "sweep-3"' --json | jq -r '.[].prefix') --all

    Of an API, where there is one (--remote, MLDASH_REMOTE); else, and with --root, of local folders.
    """
    from mldash.client.side_by_side import compare_runs

    if len(prefixes) < _TWO:
        raise click.UsageError("name two runs or more")
    client = client_at(root, remote, data, config)
    found = compare_runs(client, prefixes, everything=everything)
    if len(found["absent"]) == len(prefixes):
        raise click.ClickException("nothing was logged at any of these: `mldash ls` lists what there is")
    if as_json:
        print(printable_json(found))
    else:
        _show(found)
    for run in found["absent"]:
        print(f"nothing was logged at {printable_line(prefixes[run])}", file=sys.stderr)
    if exit_code and (found["absent"] or _differ(found)):
        click.get_current_context().exit(_DIFFER)


def _differ(found: Comparison) -> bool:
    """Whether any row does, also among those that agree."""
    rows = [*found["params"], *found["context"], *found["statistics"]]
    there = [run for run in range(len(found["prefixes"])) if run not in found["absent"]]
    return any(row["missing"] or len({repr(row["values"][run]) for run in there}) > 1 for row in rows)


def _show(found: Comparison) -> None:
    from rich.table import Table

    from mldash.process.tables import table_console

    table = Table("", *_heads(found["prefixes"]), box=None, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    for title in ("params", "context"):
        for row in found[title]:
            table.add_row(
                printable_line(f"{title}.{row['name']}"), *_cells(row["values"], row["missing"], found["absent"])
            )
    for one in found["statistics"]:
        metric = "null" if one["metric"] is None else one["metric"]
        name = f"metrics.{metric}.{one['field']}.{one['statistic']}"
        table.add_row(printable_line(name), *_cells(one["values"], one["missing"], found["absent"]))
    if table.row_count:
        table_console().print(table)
    else:
        print("they do not differ: --all shows what they have", file=sys.stderr)


def _heads(prefixes: Sequence[str]) -> list[str]:
    """The last segments, where these tell the runs apart."""
    short = [prefix.strip("/").rpartition("/")[2] for prefix in prefixes]
    return [*map(printable_line, short if len(set(short)) == len(set(prefixes)) else prefixes)]


def _cells(values: Sequence[Any], missing: Sequence[int], absent: Sequence[int]) -> list[str]:
    return ["-" if run in missing or run in absent else printable_line(value) for run, value in enumerate(values)]
