"""Runs side by side, of an API or of local folders: as /v1/compare has them (mldash_api/comparing/differences.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mldash.answers.runs.compared_rows import STATISTICS, Row, Run, named, rows_of, statistics_rows
from mldash.answers.shapes import Comparison
from mldash.events.identity import Prefix, parse_prefix
from mldash.local.folder import experiment_folder
from mldash.local.reading.plain_run import plain_run
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.undrained import undrained_records

from .client import Client
from .errors import NeedsApi


def compare_runs(client: Client, prefixes: Sequence[str], *, everything: bool) -> Comparison:
    """`client.compare`, over folders too. Raises ValueError for a prefix that is none, and as reads do."""
    try:
        return client.compare(prefixes, everything=everything)
    except NeedsApi as error:
        return compare_folders(Path(error.root), prefixes, everything=everything)


def compare_folders(root: Path, prefixes: Sequence[str], *, everything: bool) -> Comparison:
    """Raises ValueError for a prefix that is none."""
    runs = [_run_at(root, parse_prefix(prefix)) for prefix in prefixes]
    there = {at: run for at, run in enumerate(runs) if run is not None}
    return compared(prefixes, there, partial(rows_of, runs=list(there), count=len(runs), everything=everything))


def compared(
    prefixes: Sequence[str],
    there: Mapping[Run, Mapping[str, Any]],
    rows: Callable[[Mapping[Run, Mapping[Any, Any]]], Iterable[Row]],
) -> Comparison:
    """Of runs as filters are asked of them (plain_run.py), by their places among the prefixes; by `rows` of values.

    Whoever compares local runs does it by this: the command, the page of `mldash view`, and tools for agents.
    """
    statistics = rows({at: _statistics(run) for at, run in there.items()})
    return {
        "prefixes": [*prefixes],
        "absent": [at for at in range(len(prefixes)) if at not in there],
        "params": named(rows({at: run.get("params", {}) for at, run in there.items()})),
        "context": named(rows({at: run.get("context", {}) for at, run in there.items()})),
        "statistics": statistics_rows(statistics),
    }


def _run_at(root: Path, prefix: Prefix) -> Mapping[str, Any] | None:
    folder = experiment_folder(str(root), prefix.text)
    return plain_run(LocalReader(folder, prefix, undrained=partial(undrained_records, folder)))


def _statistics(run: Mapping[str, Any]) -> dict[tuple[str | None, str, str], Any]:
    """None where a field has no number, as an API says it."""
    return {
        (metric, field, name): own[name]
        for metric, fields in run.get("metrics", {}).items()
        for field, own in fields.items()
        for name in STATISTICS
    }
