"""The files of an export: found first, all of them, then written one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from msgspec import Struct, field

from mldash.client.client import Client
from mldash.client.open_run import OpenRun

from .asked import AskedExport, Stream
from .files import NewFiles
from .naming import file_path
from .pieces import stream_pieces
from .streams import streams_of


class Written(Struct):
    """What came of it. `missing`: prefix, and what was named and is not there."""

    files: int = 0
    bytes: int = 0
    missing: list[tuple[str, Stream]] = field(default_factory=list)


class Told(Protocol):
    """Who is told how far it is."""

    def begin(self, name: str, file: int, files: int) -> None: ...

    def advance(self, count: int) -> None: ...


class Open(Protocol):
    """A file that is open for bytes, or what stands for one."""

    def write(self, data: bytes, /) -> int: ...

    def flush(self) -> None: ...


class _Planned(NamedTuple):
    run: OpenRun
    stream: Stream
    path: Path


def to_place(
    client: Client, prefix: str, asked: AskedExport, target: Path | Open, told: Told, *, replace: bool
) -> Written:
    """The one stream that is asked for, as a file or into one that is open.

    Raises ValueError for a bad prefix, FileInTheWay, PackageMissing, and as reads do.
    """
    run, written = client.run(prefix), Written()
    for stream in _found(run, asked, written):
        told.begin(run.prefix, 1, 1)
        if isinstance(target, Path):
            with NewFiles(replace=replace).open(target) as file:
                _copy(client, run, stream, asked, file, told, written)
        else:
            _copy(client, run, stream, asked, target, told, written)
    return written


def to_folder(
    client: Client, prefixes: Sequence[str], asked: AskedExport, folder: Path, told: Told, *, replace: bool
) -> Written:
    """Of each run each stream as a file of its own (naming.py). Nothing is written where one is in the way. Raises as
    `to_place`; files that are whole by then stay."""
    written, files = Written(), NewFiles(replace=replace)
    runs = {run.prefix: run for run in map(client.run, prefixes)}
    planned = [
        _Planned(run, stream, folder / file_path(prefix, stream, asked.format))
        for prefix, run in runs.items()
        for stream in _found(run, asked, written)
    ]
    for one in planned:
        files.check(one.path)
    for at, one in enumerate(planned, 1):
        told.begin(one.path.name, at, len(planned))
        with files.open(one.path) as file:
            _copy(client, one.run, one.stream, asked, file, told, written)
    return written


def _found(run: OpenRun, asked: AskedExport, written: Written) -> list[Stream]:
    found = streams_of(run, asked)
    written.missing += [(run.prefix, stream) for stream in found.missing]
    return found.there


def _copy(
    client: Client,
    run: OpenRun,
    stream: Stream,
    asked: AskedExport,
    file: Open,
    told: Told,
    written: Written,
) -> None:
    for piece in stream_pieces(client, run, stream, asked):
        file.write(piece)
        told.advance(len(piece))
        written.bytes += len(piece)
    file.flush()
    written.files += 1
