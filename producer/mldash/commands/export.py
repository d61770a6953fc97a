"""`mldash export PREFIX…`"""

from __future__ import annotations

import codecs
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mldash.client.exports.asked import SUFFIXES, TEXTS, AskedExport, Format
from mldash.events.moments import checked_moment
from mldash.events.printable import printable, printable_line

from .moments import moment
from .place import client_at, place_options

if TYPE_CHECKING:
    from mldash.answers.rows import NonFinite
    from mldash.client.client import Client
    from mldash.client.exports.writing import Written

_SOME_MISSING: Final = 3
_STDOUT: Final = "-"


@click.command("export")
@click.argument("prefixes", nargs=-1, metavar="[PREFIX…]")
@click.option("--filter", "filter_text", metavar="FILTER", help="Runs that pass it, in place of prefixes.")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="This metric; may be repeated.")
@click.option("--unnamed", is_flag=True, help="The unnamed metric.")
@click.option("--metrics", "all_metrics", is_flag=True, help="All metrics.")
@click.option("--track", "tracks", multiple=True, metavar="TOPIC", help="This track; may be repeated.")
@click.option("--tracks", "all_tracks", is_flag=True, help="All tracks.")
@click.option("--logs", is_flag=True, help="The log.")
@click.option("--params", is_flag=True, help="The parameters.")
@click.option("--field", "--fields", "fields", multiple=True, metavar="NAME", help="Only this field; may be repeated.")
@click.option("--start", metavar="TIME", help="Entries and lines from then on: seconds or ISO 8601.")
@click.option("--end", metavar="TIME", help="Entries and lines up to then.")
@click.option("--start-index", type=click.IntRange(0), default=0, metavar="N", help="Points from this index on.")
@click.option("--end-index", type=click.IntRange(0), metavar="N", help="Points before this index.")
@click.option("--format", "format", type=click.Choice([*SUFFIXES]), help="Left out: what the name of FILE says.")
@click.option(
    "--nonfinite",
    type=click.Choice(["string", "null"]),
    default="string",
    show_default=True,
    help="NaN and infinities in JSON.",
)
@click.option("--out", "-o", metavar="FILE|DIR", help="One stream: FILE, else stdout. Several: below DIR.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@place_options
def command(
    prefixes: tuple[str, ...],
    filter_text: str | None,
    metrics: tuple[str, ...],
    unnamed: bool,
    all_metrics: bool,
    tracks: tuple[str, ...],
    all_tracks: bool,
    logs: bool,
    params: bool,
    fields: tuple[str, ...],
    start: str | None,
    end: str | None,
    start_index: int,
    end_index: int | None,
    format: Format | None,
    nonfinite: NonFinite,
    out: str | None,
    force: bool,
    root: Path | None,
    remote: str | None,
    data: str | None,
    config: str | None,
) -> None:
    """Write what runs logged to files, every point, entry and line as it was logged: metrics, tracks, log, parameters.

    \b
    mldash export alice/robots/walk-07 --metric train --format csv > train.csv
    mldash export alice/robots/walk-07 --metric train -o train.parquet
    mldash export --filter 'tags has "sweep-3"' --metrics --params --format parquet -o sweep-3/

    Without a choice of streams: all of them. Of an API, where there is one (--remote, MLDASH_REMOTE); else, and with
    --root, of local folders.
    """
    nothing_said = not (metrics or unnamed or all_metrics or tracks or all_tracks or logs or params)
    named = (None,) * unnamed + metrics
    try:
        asked = AskedExport(
            format=format or _format_of(out),
            metrics=None if all_metrics or nothing_said else named,
            tracks=None if all_tracks or nothing_said else tracks,
            logs=logs or nothing_said,
            params=params or nothing_said,
            fields=fields or None,
            start=checked_moment(moment(start), "--start"),
            end=checked_moment(moment(end), "--end"),
            start_index=start_index,
            end_index=end_index,
            nonfinite=nonfinite,
        )
        asked.check()
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if (filter_text is None) == (not prefixes):
        raise click.UsageError("name runs, or say --filter")
    is_one = len(prefixes) == 1 and asked.only is not None
    target = _target(out, asked, is_one=is_one)
    client = client_at(root, remote, data, config)
    if filter_text is not None:
        prefixes = _passing(client, filter_text)
    _write(client, prefixes, asked, target, is_folder=not is_one or (out is not None and _is_folder(out)), force=force)


def _format_of(out: str | None) -> Format:
    """By the name's end. Raises UsageError."""
    for format, suffix in SUFFIXES.items():
        if out is not None and out.lower().endswith(suffix):
            return format
    raise click.UsageError(f"say --format: {', '.join(SUFFIXES)}")


def _is_folder(out: str) -> bool:
    return out.endswith("/") or Path(out).is_dir()


def _target(out: str | None, asked: AskedExport, *, is_one: bool) -> Path | None:
    """None: stdout. Raises UsageError."""
    if out is not None and out != _STDOUT:
        return Path(out)
    if not is_one:
        raise click.UsageError("several files may come of this: say -o DIR, or name one run and one stream for stdout")
    if asked.format not in TEXTS and sys.stdout.isatty():
        raise click.UsageError(f"{asked.format} is nothing for a terminal: say -o FILE, or lead it into a pipe")
    return None


def _passing(client: Client, filter_text: str) -> tuple[str, ...]:
    from mldash.query.errors import FilterError

    try:
        found = tuple(row.prefix for row in client.runs(filter_text, "prefix", []))
    except FilterError as error:
        raise click.UsageError(str(error)) from None
    if not found:
        raise click.ClickException("no run passes the filter: `mldash ls` lists what there is")
    return found


def _write(
    client: Client, prefixes: Sequence[str], asked: AskedExport, target: Path | None, *, is_folder: bool, force: bool
) -> None:
    from mldash.client.exports.writing import to_folder, to_place

    # Lines that a terminal shows are not drawn over.
    with _Progress(is_shown=sys.stderr.isatty() and not (target is None and sys.stdout.isatty())) as told:
        if target is None:
            place = _Terminal() if sys.stdout.isatty() else sys.stdout.buffer
            written = to_place(client, prefixes[0], asked, place, told, replace=False)
        elif is_folder:
            written = to_folder(client, prefixes, asked, target, told, replace=force)
        else:
            written = to_place(client, prefixes[0], asked, target, told, replace=force)
    _tell(written, None if target is None else str(target))


class _Terminal:
    """Texts on it: what does not print is shown as its escape."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def write(self, data: bytes) -> int:
        sys.stdout.write(printable(self._decoder.decode(data)))
        return len(data)

    def flush(self) -> None:
        sys.stdout.flush()


class _Progress:
    """A line on stderr: which file of how many, bytes, how fast."""

    def __init__(self, *, is_shown: bool) -> None:
        from rich.console import Console
        from rich.progress import DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}", markup=False), DownloadColumn(), TransferSpeedColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), disable=not is_shown, transient=True)
        self._task = self._bar.add_task("", total=None)

    def __enter__(self) -> _Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def begin(self, name: str, file: int, files: int) -> None:
        count = f"{file:,}/{files:,} " if files > 1 else ""
        self._bar.update(self._task, description=f"{count}{printable_line(name)}")

    def advance(self, count: int) -> None:
        self._bar.advance(self._task, count)


def _tell(written: Written, where: str | None) -> None:
    for prefix, stream in written.missing:
        print(f"mldash: export: {printable_line(prefix)} has no {printable_line(stream)}", file=sys.stderr)
    if not written.files:
        raise click.ClickException("nothing of this is there: `mldash show PREFIX` lists what a run has")
    if where is not None:
        count = "1 file" if written.files == 1 else f"{written.files:,} files"
        print(f"{count}, {written.bytes:,} bytes: {printable_line(where)}")
    if written.missing:
        click.get_current_context().exit(_SOME_MISSING)
