"""The console on which commands print tables. On a pipe they are plain, without colour."""

from __future__ import annotations

import sys
from typing import IO

from rich.console import Console

_UNBOUNDED = 1_000_000
"""Columns. A table takes what it needs of them."""


def table_console(stream: IO[str] | None = None) -> Console:
    """Where tables go: on a terminal as wide as it is; in a pipe or file as wide as the table, and plain, so that
    what reads it gets every name whole."""
    console = Console(file=stream or sys.stdout, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _UNBOUNDED
    return console
