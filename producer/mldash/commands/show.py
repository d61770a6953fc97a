"""`mldash show PREFIX`"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mldash.events.printable import printable, printable_json, printable_line

from .place import client_at, place_options

if TYPE_CHECKING:
    from rich.console import Console

    from mldash.client.overview import RunOverview

_CURVE: Final = 24
_ENDED_WELL, _NOT_ENDED = ("COMPLETED",), ("CREATED", "RUNNING")
_STATISTICS: Final = ("last", "min", "max", "mean", "count")


@click.command("show")
@click.argument("prefix")
@click.option("--metrics", type=click.IntRange(0), default=20, show_default=True, metavar="N", help="Metrics at most.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--exit-code", is_flag=True, help="0 completed, 3 still to end, 4 failed, lost, preempted or cancelled.")
@place_options
def command(
    prefix: str,
    metrics: int,
    as_json: bool,
    exit_code: bool,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Show one run: status, parameters, context, and of each metric statistics and a curve.

    \b
    mldash show alice/robots/walk-07
    mldash show alice/robots/walk-07 --root .dash --json
    mldash show alice/robots/walk-07 --exit-code > /dev/null || echo "not (yet) completed"

    Of an API, where there is one (--remote, MLDASH_REMOTE); else, and with --root, of local folders.
    """
    from mldash.client.overview import overview

    run = client_at(root, remote, data, config).run(prefix)
    found = overview(run, metrics, _CURVE)
    if found is None:
        raise click.ClickException(f"nothing was logged at {run.prefix}: `mldash ls` lists what there is")
    if as_json:
        print(printable_json(found))
    else:
        _show(found)
    status = found["run"]["status"]
    if exit_code and status not in _ENDED_WELL:
        click.get_current_context().exit(3 if status in _NOT_ENDED else 4)


def _show(found: RunOverview) -> None:
    from mldash.process.tables import table_console

    console, run = table_console(), found["run"]
    style = {"COMPLETED": "green", "RUNNING": "cyan", "CREATED": ""}.get(run["status"], "red")
    console.print(printable(run["prefix"]), style="bold")
    _facts(
        console,
        {
            "status": run["status"],
            "created": _time(run["created_at"]),
            "updated": _time(run["updated_at"]),
            "processes": found["sessions"],
            "job": None if found["job"] is None else f"{found['job']}, attempt {found['attempt']}",
            "tags": ", ".join(run["tags"]) or None,
            "description": run["description"],
            "error": None if found["error"] is None else ": ".join(found["error"].values()).splitlines()[0],
            "notes": run.get("notes"),
        },
        style,
    )
    for title in ("params", "context"):
        if found[title]:
            console.print(f"\n{title}", style="bold")
            _facts(console, found[title])
    _metrics(console, found)
    if found["tracks"]:
        console.print("\ntracks", style="bold")
        _facts(console, {topic: f"{count:,} entries" for topic, count in found["tracks"].items()})


def _facts(console: Console, facts: dict[str, Any], first_style: str = "") -> None:
    """Name and value in two columns, as wide as the terminal at most."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis")
    for at, (name, value) in enumerate(facts.items()):
        if value is not None or first_style == "":
            table.add_row(printable_line(name), Text(_text(value), style=first_style if at == 0 else ""))
    console.print(table)


def _metrics(console: Console, found: RunOverview) -> None:
    from rich.table import Table

    from mldash.client.sparklines import letters_for, sparkline

    if not found["metrics"]:
        return
    console.print("\nmetrics", style="bold")
    table = Table("metric", "field", "", *_STATISTICS, box=None, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    letters = letters_for(sys.stdout.encoding)
    for metric in found["metrics"]:
        name = "(unnamed)" if metric["name"] is None else printable_line(metric["name"])
        for field in metric["fields"]:
            numbers = (_text(field["statistics"].get(one)) for one in _STATISTICS)
            table.add_row(name, printable_line(field["field"]), sparkline(field["curve"], letters), *numbers)
        if not metric["fields"]:
            table.add_row(name, "-", "", *["-"] * (len(_STATISTICS) - 1), str(metric["points"]))
    console.print(table)
    if (left := found["metricCount"] - len(found["metrics"])) > 0:
        print(f"{left:,} more metrics: --metrics {found['metricCount']}", file=sys.stderr)


def _time(text: str | None) -> str | None:
    return None if text is None else text[:19].replace("T", " ")


def _text(value: Any) -> str:
    return "-" if value is None else printable_line(value)
