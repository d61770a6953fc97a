"""`mldash show PREFIX`"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mldash.events.printable import printable, printable_json, printable_line

from .place import client_at, place_options

if TYPE_CHECKING:
    from rich.console import Console

    from mldash.pictures.shown import ShownMetric, ShownRun

_CURVE: Final = 24
_ENDED_WELL, _NOT_ENDED = ("COMPLETED",), ("CREATED", "RUNNING")
_STATISTICS: Final = ("first", "last", "min", "max", "mean", "count")


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
    from mldash.pictures.shown import read_shown

    run = client_at(root, remote, data, config).run(prefix)
    found = read_shown(run._reader(), metrics, _CURVE)
    if found is None:
        raise click.ClickException(f"nothing was logged at {run.prefix}: `mldash ls` lists what there is")
    if as_json:
        print(printable_json(_json(found)))
    else:
        _show(found)
    status = found.run["status"]
    if exit_code and status not in _ENDED_WELL:
        click.get_current_context().exit(3 if status in _NOT_ENDED else 4)


def _json(found: ShownRun) -> dict[str, Any]:
    """A curve is the last number in each of equal parts of the indices, null where there is none."""
    return {
        "run": found.run,
        "sessions": found.sessions,
        "job": found.job,
        "attempt": found.attempt,
        "error": found.error,
        "params": found.params,
        "context": found.context,
        "metrics": [_metric_json(one) for one in found.metrics],
        "metricCount": found.metric_count,
        "tracks": found.tracks,
    }


def _metric_json(metric: ShownMetric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "points": metric.points,
        "fields": [
            {"field": field, "statistics": metric.statistics.get(field, {}), "curve": metric.curve(field, _CURVE)}
            for field in metric.view["fields"]
        ],
    }


def _show(found: ShownRun) -> None:
    from mldash.process.tables import table_console

    console = table_console()
    style = {"COMPLETED": "green", "RUNNING": "cyan", "CREATED": ""}.get(found.run["status"], "red")
    console.print(printable(found.run["prefix"]), style="bold")
    _facts(console, found.facts(), style)
    for title, values in (("params", found.params), ("context", found.context)):
        if values:
            console.print(f"\n{title}", style="bold")
            _facts(console, values)
    _metrics(console, found)
    if found.tracks:
        console.print("\ntracks", style="bold")
        _facts(console, {topic: f"{count:,} entries" for topic, count in found.tracks.items()})


def _facts(console: Console, facts: Mapping[str, Any], first_style: str = "") -> None:
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


def _metrics(console: Console, found: ShownRun) -> None:
    from rich.table import Table

    from mldash.pictures.sparklines import letters_for, sparkline

    if not found.metrics:
        return
    console.print("\nmetrics", style="bold")
    table = Table("metric", "field", "", *_STATISTICS, box=None, padding=(0, 2, 0, 0))
    for column in table.columns:
        column.no_wrap, column.overflow = True, "ellipsis"
    letters = letters_for(sys.stdout.encoding)
    for metric in found.metrics:
        name = "(unnamed)" if metric.name is None else printable_line(metric.name)
        for field in metric.view["fields"]:
            told = metric.statistics.get(field, {})
            numbers = (_text(told.get(one)) for one in _STATISTICS)
            table.add_row(name, printable_line(field), sparkline(metric.curve(field, _CURVE), letters), *numbers)
        if not metric.view["fields"]:
            table.add_row(name, "-", "", *["-"] * (len(_STATISTICS) - 1), str(metric.points))
    console.print(table)
    if (left := found.metric_count - len(found.metrics)) > 0:
        print(f"{left:,} more metrics: --metrics {found.metric_count}", file=sys.stderr)


def _text(value: Any) -> str:
    return "-" if value is None else printable_line(value)
