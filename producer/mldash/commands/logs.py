"""`mldash logs PREFIX…`"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from heapq import merge
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mldash.events.levels import LEVELS
from mldash.events.printable import printable, printable_json

from .moments import moment
from .place import client_at, place_options

if TYPE_CHECKING:
    from mldash.answers.shapes import LogLine
    from mldash.client.client import Client

_PAGE: Final = 1_000
_COLOURS: Final = {"debug": "bright_black", "warn": "yellow", "error": "red", "fatal": "bright_red"}


@click.command("logs")
@click.argument("prefixes", nargs=-1, required=True, metavar="PREFIX…")
@click.option("--follow", "-f", is_flag=True, help="Lines that come from now on, until Ctrl-C.")
@click.option("--beginning", is_flag=True, help="With --follow: first all that there are.")
@click.option("--until-end", is_flag=True, help="With --follow: stop when every run has ended.")
@click.option("--level", "levels", multiple=True, type=click.Choice(LEVELS), help="Only these; may be repeated.")
@click.option("--search", metavar="TEXT", help="Only lines whose message holds it, in any case.")
@click.option("--start", metavar="TIME", help="Only from then on: seconds or ISO 8601.")
@click.option("--end", metavar="TIME", help="Only up to then.")
@click.option("--json", "as_json", is_flag=True, help="A JSON object a line.")
@place_options
def command(
    prefixes: tuple[str, ...],
    follow: bool,
    beginning: bool,
    until_end: bool,
    levels: tuple[str, ...],
    search: str | None,
    start: str | None,
    end: str | None,
    as_json: bool,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Show the log of one or more runs, in the order of time: mldash logs alice/robots/walk-07 --level error.

    With --follow the lines that come, each once, also over cut connections and restarts of the API. Of an API, where
    there is one (--remote, MLDASH_REMOTE); else, and with --root, of local folders.
    """
    from mldash.events.moments import checked_moment

    if (beginning or until_end) and not follow:
        raise click.UsageError("--beginning and --until-end belong to --follow")
    client = client_at(root, remote, data, config)
    try:
        times = checked_moment(moment(start), "--start"), checked_moment(moment(end), "--end")
        wanted = _Wanted([*levels], search, *times)
        show = _show_json if as_json else _Shown(len(prefixes) > 1, sys.stdout.isatty()).show
        found = _followed(client, prefixes, wanted, beginning, until_end) if follow else _read(client, prefixes, wanted)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if follow and not as_json and sys.stderr.isatty():
        print("following; Ctrl-C ends it", file=sys.stderr)
    seen = set[str]()
    for prefix, line in found:
        seen.add(prefix)
        show(prefix, line)
    if not follow:
        _say_absent(client, prefixes, seen)


class _Wanted:
    """Which lines are shown."""

    def __init__(self, levels: list[str], search: str | None, start: float | None, end: float | None) -> None:
        self.levels, self.search, self.start, self.end = levels or None, search or None, start, end

    def fits(self, line: LogLine) -> bool:
        """Levels aside."""
        from datetime import datetime

        if self.search is not None and self.search.casefold() not in line["message"].casefold():
            return False
        if self.start is None and self.end is None:
            return True
        time = datetime.fromisoformat(line["timestamp"]).timestamp()
        return (self.start is None or time >= self.start) and (self.end is None or time <= self.end)


def _read(client: Client, prefixes: tuple[str, ...], wanted: _Wanted) -> Iterator[tuple[str, LogLine]]:
    runs = [client.run(prefix) for prefix in prefixes]

    def lines(at: int) -> Iterator[tuple[str, LogLine]]:
        offset = 0
        while True:
            page = runs[at].logs.read(wanted.levels, _PAGE, offset, wanted.search, wanted.start, wanted.end)
            yield from ((runs[at].prefix, line) for line in page)
            if len(page) < _PAGE:
                return
            offset += len(page)

    return merge(*(lines(at) for at in range(len(runs))), key=lambda found: found[1]["timestamp"])


def _say_absent(client: Client, prefixes: tuple[str, ...], seen: set[str]) -> None:
    """Raises ClickException where none of these is there; a run without such lines is."""
    runs = {(run := client.run(prefix)).prefix: run for prefix in prefixes}
    absent = [prefix for prefix, run in runs.items() if prefix not in seen and run.about() is None]
    if len(absent) == len(runs):
        where = absent[0] if len(absent) == 1 else "any of these"
        raise click.ClickException(f"nothing was logged at {printable(where)}: `mldash ls` lists what there is")
    for prefix in absent:
        print(f"nothing was logged at {printable(prefix)}", file=sys.stderr)


def _followed(
    client: Client, prefixes: tuple[str, ...], wanted: _Wanted, beginning: bool, until_end: bool
) -> Iterator[tuple[str, LogLine]]:
    from mldash.client.live.events import Closed, Gap, Lines

    live = client.live(
        prefixes,
        kinds="lines",
        levels=wanted.levels or (),
        start="start" if beginning else "now",
        until="end" if until_end else None,
    )

    def lines() -> Iterator[tuple[str, LogLine]]:
        with live:
            for event in live:
                if isinstance(event, Lines):
                    yield from ((event.prefix, line) for line in event.lines if wanted.fits(line))
                elif isinstance(event, Gap):
                    where = "" if event.start is None else f": lines {event.start} to {event.end} are not shown"
                    print(
                        f"mldash: logs: {printable(event.prefix or 'the log')} ({event.reason}){where}", file=sys.stderr
                    )
                elif isinstance(event, Closed) and event.goes_on:
                    print(f"mldash: logs: the API has ended the stream ({event.reason}), again", file=sys.stderr)

    return lines()


def _show_json(prefix: str, line: LogLine) -> None:
    print(printable_json({"prefix": prefix, **line}, in_one_line=True), flush=True)


class _Shown:
    """Lines for people."""

    def __init__(self, with_prefix: bool, in_colour: bool) -> None:
        self._with_prefix, self._in_colour = with_prefix, in_colour

    def show(self, prefix: str, line: LogLine) -> None:
        level = line["level"]
        told = f"{level.upper():5}"
        if self._in_colour and level in _COLOURS:
            told = click.style(told, fg=_COLOURS[level])
        when = line["timestamp"][:23].replace("T", " ")
        of = f"{printable(prefix)}  " if self._with_prefix else ""
        text = printable(line["message"]) + _metadata_text(line.get("metadata"))
        print(f"{when}  {of}{told}  {text}", flush=True)


def _metadata_text(metadata: Mapping[str, Any] | None) -> str:
    if not metadata:
        return ""
    return printable(f"  [{', '.join(f'{name}={value}' for name, value in metadata.items())}]")
