"""`mldash import SOURCE…`"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mldash.events.identity import Prefix, parse_prefix
from mldash.events.printable import printable_json, printable_line
from mldash.mode import mode_of
from mldash.process.configuration import component_settings
from mldash.settings import SdkSettings

from .place import place_options

if TYPE_CHECKING:
    from rich.progress import Progress

    from mldash.importers.events import FoundRun
    from mldash.importers.taking import Outcome

_MASKED_SHOWN: Final = 10
_TOLD_BYTES: Final = 65_536


@click.command("import")
@click.argument("sources", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="SOURCE…")
@click.option("--into", metavar="OWNER/PROJECT", help="What prefixes begin with. Default: you, and the run's project.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Read everything, say what would come, and write nothing.")
@click.option(
    "--processes",
    type=click.IntRange(1),
    metavar="N",
    help="Runs taken at once. Default: one a core, at most one a run.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--token", metavar="TOKEN", help="For the API (also MLDASH_TOKEN).")
@place_options
def command(
    sources: tuple[Path, ...],
    into: str | None,
    is_dry: bool,
    processes: int | None,
    as_json: bool,
    token: str | None,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Take over runs of other trackers, told by what is in their files.

    \b
    mldash import runs/ --into alice/robots                       # event files of TensorBoard
    mldash import runs/ --remote http://127.0.0.1:8800 --dry-run  # to servers; only look

    Nothing of a source is changed. Import again, after an interruption or while a run still writes, and what is there
    already is not added again. To servers, where there are any (--remote, MLDASH_REMOTE); else, and with --root, into
    local folders. Several runs are taken at once, each by a process of its own. Ends with 1 where something could not
    be read or stored; a last record that is not written to its end yet is no fault.
    """
    from mldash.importers.finding import find
    from mldash.importers.parallel import default_processes, take_all
    from mldash.importers.taking import bytes_to_do
    from mldash.process.log_output import keep_clients_quiet

    keep_clients_quiet()
    settings = _settings(root, remote, data, config, token)
    if into is not None:
        _check_prefix(into)
    runs: list[FoundRun] = []
    unreadable: list[str] = []
    skipped: Counter[str] = Counter()
    for source in sources:
        found = find(source)
        runs += found.runs
        unreadable += found.unreadable
        skipped.update(found.skipped)
    targets = _targets(runs, into, settings, unreadable)
    sends = not is_dry and mode_of(settings) != "local"
    most = max(len(targets), 1)
    at_once = min(processes, most) if processes is not None else default_processes(most, sends=sends)
    taking = take_all(targets, settings, is_dry=is_dry, processes=at_once)  # before the bar, which has a thread
    with _progress() as bar:
        shown = f"{len(targets)} runs" if len(targets) != 1 else printable_line(targets[0][1].text)
        task = bar.add_task(shown, total=sum(bytes_to_do(run, settings, is_dry=is_dry) for run, _ in targets))
        outcomes = taking(_seldom(lambda size: bar.advance(task, size)))
    if as_json:
        found_all = {"runs": [*map(_as_json, outcomes)], "skipped": skipped, "unreadable": unreadable}
        print(printable_json({**found_all, "dryRun": is_dry}))
    else:
        _show(outcomes, knows_new=settings.remote is None, is_dry=is_dry)
    told = [f"not taken: {kind} ({count})" for kind, count in skipped.items()]
    for line in [*_notes(outcomes), *told, *unreadable]:
        print(printable_line(line), file=sys.stderr)
    if unreadable or not all(outcome.is_whole for outcome in outcomes):
        click.get_current_context().exit(1)


def _targets(
    runs: list[FoundRun], into: str | None, settings: SdkSettings, unreadable: list[str]
) -> list[tuple[FoundRun, Prefix]]:
    """Where each goes; why one can't be taken is for `unreadable`."""
    from mldash.importers.renamed import OtherProjectsRun, Places
    from mldash.importers.taking import target_of

    named, targets = [], []
    for run in runs:
        try:
            named.append((run, target_of(run, into)))
        except ValueError as error:
            unreadable.append(f"{run.path}: {error}")
    places = Places(settings, named)
    for run, prefix in named:
        try:
            targets.append((run, places.of(run, prefix)))
        except OtherProjectsRun as error:
            unreadable.append(f"{run.path}: {error}")
    return targets


def _check_prefix(into: str) -> None:
    try:
        parse_prefix(into)
    except ValueError as error:
        raise click.UsageError(f"--into: {error}") from None


def _settings(
    root: Path | None, remote: str | None, data: str | None, config: str | None, token: str | None
) -> SdkSettings:
    from msgspec.structs import replace

    flags = {"remote": remote, "token": token}
    settings = component_settings(SdkSettings, "sdk", config=config, data=data, flags=flags)
    return replace(settings, root=str(root), remote=None, mode="local") if root is not None else settings


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _seldom(advance: Callable[[int], None]) -> Callable[[int], None]:
    """Told of more bytes at once: to draw a bar takes longer than to read a record."""
    waiting = 0

    def tell(size: int) -> None:
        nonlocal waiting
        waiting += size
        if abs(waiting) >= _TOLD_BYTES:
            advance(waiting)
            waiting = 0

    return tell


def _show(outcomes: list[Outcome], *, knows_new: bool, is_dry: bool) -> None:
    """A line a run: what its files hold, and how much of it is new here."""
    from rich.table import Table

    from mldash.process.tables import table_console

    table = Table("tracker", "experiment", "points", "params", "lines", box=None, padding=(0, 2, 0, 0))
    if knows_new:
        table.add_column("would be new" if is_dry else "new")
    table.add_column("left out")
    for outcome in outcomes:
        found, new = outcome.counts.found, outcome.counts.new
        counts = [str(found.get(kind, 0)) for kind in ("metrics", "params", "logs")]
        cells = [outcome.run.tracker, outcome.prefix, *counts]
        if knows_new:
            cells.append(str(sum(count for kind, count in new.items() if kind != "runs")))
        counted = ", ".join(f"{kind} ({count})" for kind, count in sorted(outcome.left.counts.items()))
        table.add_row(*map(printable_line, [*cells, counted or "-"]))
    table_console().print(table)


def _notes(outcomes: list[Outcome]) -> list[str]:
    """What there is to know of each: where what was left out lies, what was masked, what is torn or damaged."""
    notes = []
    for outcome in outcomes:
        left = outcome.left
        told = [f"{kind} is not taken, it stays in {place}" for kind, place in sorted(left.places.items())]
        if left.masked:
            shown = ", ".join(left.masked[:_MASKED_SHOWN]) + (", …" if len(left.masked) > _MASKED_SHOWN else "")
            told.append(f"masked, for they look like secrets: {shown}")
        told += map(str, left.torn)
        if outcome.problem is not None:
            told.append(outcome.problem)
        notes += [f"{outcome.prefix}: {one}" for one in told]
    return notes


def _as_json(outcome: Outcome) -> dict[str, Any]:
    left = outcome.left
    return {
        "tracker": outcome.run.tracker,
        "source": str(outcome.run.path),
        "prefix": outcome.prefix,
        "found": outcome.counts.found,
        "new": outcome.counts.new,
        "leftOut": dict(left.counts),
        "places": left.places,
        "masked": left.masked,
        "torn": [
            {"path": str(one.path), "offset": one.offset, "leftBytes": one.left_bytes, "reason": one.reason}
            for one in left.torn
        ],
        "problem": outcome.problem,
        "whole": outcome.is_whole,
    }
