"""`mldash snapshot PREFIX… DIR`"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mldash.events.printable import printable_line

from .place import client_at, place_options

if TYPE_CHECKING:
    from rich.progress import Progress

    from mldash.mode import Reader


@click.command("snapshot")
@click.argument("prefixes", nargs=-1, required=True, metavar="PREFIX…")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@click.option("--metrics", type=click.IntRange(0), default=100, show_default=True, metavar="N", help="Of each run.")
@click.option("--parquet", is_flag=True, help="Beside the page all exact points, a file a metric (extra arrow).")
@click.option("--force", is_flag=True, help="Replace the snapshot that is in DIR.")
@place_options
def command(
    prefixes: tuple[str, ...],
    folder: Path,
    metrics: int,
    parquet: bool,
    force: bool,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Write runs into the folder DIR as one page that needs no server.

    \b
    mldash snapshot alice/robots/walk-07 alice/robots/walk-08 walks
    mldash snapshot alice/robots/walk-07 walk-07 --parquet

    DIR/index.html opens from a disk or a bucket: statuses, parameters, readme, notes, the last 500
    log lines, and a chart a metric field, with a line a run. It is there as a whole or not at all.

    Of an API, where there is one (--remote, MLDASH_REMOTE); else, and with --root, of local folders.
    """
    from mldash.snapshots.folder import PAGE, check_free, new_folder
    from mldash.snapshots.points import check_parquet

    if not force:
        check_free(folder)
    if parquet:
        check_parquet()
    client = client_at(root, remote, data, config)
    runs = [client.run(prefix) for prefix in prefixes]
    readers = {run.prefix: run._reader() for run in runs}
    with new_folder(folder) as made:
        _write(readers, metrics, made, parquet=parquet)
    click.echo(str(folder / PAGE))


def _write(readers: Mapping[str, Reader], metrics: int, made: Path, *, parquet: bool) -> None:
    from datetime import UTC, datetime

    from mldash.snapshots.folder import PAGE, POINTS
    from mldash.snapshots.gathered import gather
    from mldash.snapshots.page import page_html
    from mldash.snapshots.points import write_points

    with _progress() as bar:
        task = bar.add_task("snapshot", total=len(readers) * (2 if parquet else 1))

        def done(prefix: str) -> None:
            bar.update(task, advance=1, description=printable_line(prefix))

        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        page = page_html(gather(readers, metrics, now, done))
        (made / PAGE).write_text(page, encoding="utf-8")
        if parquet:
            write_points(readers, made / POINTS, done)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
