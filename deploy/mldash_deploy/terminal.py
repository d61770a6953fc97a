"""The output for people: a progress line while a stack starts, a table of what runs, bars; plain on a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

from mldash.process.environment import HIDDEN
from mldash.process.tables import table_console

from .stack.data_folder import ProcessState, State

_STYLES = {"running": "green", "starting": "yellow", "restarting": "red", "stopping": "yellow", "stopped": "dim"}


class StackProgress:
    """A line that says what is starting, and a bar while packages are fetched; stands until `with` ends.

    On a pipe it only prints a line when a process becomes ready.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._console = Console(file=stream or sys.stderr, highlight=False)
        self._moving = self._console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
            disable=not self._moving,
        )
        self._line: TaskID | None = None
        self._told: set[str] = set()
        self._settled = False

    def __enter__(self) -> StackProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def changed(self, state: State) -> None:
        """Show this state."""
        if self._settled:
            return
        if not self._moving:
            self._tell_new(state)
            return
        if self._line is None:
            self._line = self._progress.add_task("", total=None)
        description = "  ".join(_short(process) for process in state.processes)
        done, total = sum(process.state == "running" for process in state.processes), len(state.processes)
        if state.to_fetch_bytes:
            done, total = state.fetched_bytes, state.to_fetch_bytes
            description += f"  [cyan]fetching Kafka: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        elif state.step:
            description += f"  [cyan]{state.step}"
        self._progress.update(self._line, description=description, completed=done, total=total or None)

    def settle(self) -> None:
        """All is ready: take the line away; notes are still printed."""
        self._settled = True
        self._progress.stop()

    def note(self, text: str) -> None:
        """A line of its own, above the progress line."""
        self._console.print(text, markup=False)

    def _tell_new(self, state: State) -> None:
        if state.to_fetch_bytes and "fetch" not in self._told:
            self._told.add("fetch")
            self.note(f"fetching Kafka: {state.to_fetch_bytes / 1e6:.1f} MB")
        for process in state.processes:
            if process.state == "running" and process.name not in self._told:
                self._told.add(process.name)
                self.note(f"{process.name} is ready")


def _short(process: ProcessState) -> str:
    style = _STYLES.get(process.state, "dim")
    mark = "✓" if process.state == "running" else "…"
    return f"[{style}]{process.name} {mark}[/{style}]"


@contextmanager
def byte_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each part of a work: called with its name, bytes done and bytes in all. Nothing on a pipe."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total)

        yield tell


def print_addresses(state: State, stream: IO[str] | None = None) -> None:
    """The table that `mldash up` ends with."""
    console = table_console(stream)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, address in addresses(state).items():
        table.add_row(name, address or "-")
    console.print(table)


def print_processes(state: State, stream: IO[str] | None = None) -> None:
    """The table of `mldash status`."""
    console = table_console(stream)
    table = Table("process", "state", "pid", "restarts", box=None, padding=(0, 2, 0, 0))
    for process in state.processes:
        style = _STYLES.get(process.state, "")
        state_text = Text(process.state, style=style)
        table.add_row(process.name, state_text, str(process.pid or "-"), str(process.restarts))
    console.print(table)


def addresses(state: State) -> dict[str, str | None]:
    """Where everything answers, for people: no keys."""
    servers = state.servers
    if servers is None:
        return {}
    bucket = f"{servers.s3_endpoint or 'AWS'}, bucket {servers.s3_bucket}"
    table = {"Kafka": servers.kafka, "MongoDB": _without_password(servers.mongo), "S3": bucket}
    if state.api is None:
        return dict(table)
    token = {"API's token": state.api_token_file} if state.api_token_file else {}
    token |= {"to sign in": f"open the link in {state.api_link_file}"} if state.api_link_file else {}
    return {"Dashboard": f"{state.api}/", "API": state.api, **token, **table}


def _without_password(uri: str) -> str:
    """MongoDB's URI as people may see it."""
    head, at, rest = uri.rpartition("@")
    user, colon, _ = head.partition("://")[2].partition(":")
    return f"{head.partition('://')[0]}://{user}:{HIDDEN}@{rest}" if at and colon else uri
