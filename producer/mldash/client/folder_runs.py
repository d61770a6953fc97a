"""Runs of local folders: all are read when one asks, and judged by plain Python (mldash/query/evaluating.py)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from time import time
from typing import Any

from mldash.answers.shapes import FieldAnswer
from mldash.delivery.resend import find_experiments
from mldash.local.reading.plain_run import plain_run
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.undrained import undrained_records
from mldash.query.evaluating import MISSING, passes, value_of
from mldash.query.names import KEYED, PLAIN
from mldash.query.ordering import in_order
from mldash.query.printing import text_of_field
from mldash.query.syntax import Field, Keyed, Plain, Statistic

from .asked import PREFIX, AskedRuns
from .errors import NoSuchFolder
from .rows import RunRow

Run = Mapping[str, Any]
_KINDS = ("number", "text", "boolean", "other")


class FolderAnswer:
    """Of one question; the folders are read once."""

    def __init__(self, runs: Callable[[], Iterable[Run]], asked: AskedRuns) -> None:
        self._all, self._asked = runs, asked

    @cached_property
    def _runs(self) -> list[Run]:
        asked, now = self._asked, time()
        runs = (run for run in self._all() if asked.filter is None or passes(asked.filter, run, now))
        return in_order(runs, asked.sort, descending=asked.is_descending)

    @property
    def prefixes(self) -> list[str]:
        """Of all, in their order."""
        return [run["prefix"] for run in self._runs]

    def count(self) -> int:
        return len(self._runs)

    def rows(self, first: int, stop: int | None) -> list[RunRow]:
        """Those from one place to another."""
        return [RunRow(run["prefix"], self._values(run)) for run in self._runs[first:stop]]

    def pages(self, limit: int | None) -> Iterator[list[RunRow]]:
        """All as one."""
        if limit != 0:
            yield self.rows(0, limit)

    def _values(self, run: Run) -> dict[str, Any]:
        asked = self._asked
        found = {name: value_of(field, run) for name, field in asked.columns.items() if name != PREFIX}
        return {
            name: _iso(value) if name in asked.times else value for name, value in found.items() if value is not MISSING
        }


class FolderRuns:
    """A RunSource: the experiments in a folder and below it."""

    def __init__(self, root: Path, runs: Callable[[], Iterable[Run]] | None = None) -> None:
        """`runs`: who keeps them, in place of reading them all each time. Raises NoSuchFolder."""
        if not root.is_dir():
            raise NoSuchFolder(str(root))
        self._runs = runs or partial(plain_runs, root)

    def ask(self, asked: AskedRuns) -> FolderAnswer:
        return FolderAnswer(self._runs, asked)

    def fields(self, prefix: str, limit: int | None) -> list[FieldAnswer]:
        """`limit` None: all."""
        kinds, counts = defaultdict[str, set[str]](set), defaultdict[str, int](int)
        for run in self._runs():
            for field in _fields_of(run):
                name = text_of_field(field)
                if name.startswith(prefix):
                    kinds[name].add(_kind_of(value_of(field, run)))
                    counts[name] += 1
        names = sorted(counts, key=lambda name: (-counts[name], name))[:limit]
        return [
            {"field": name, "kinds": [one for one in _KINDS if one in kinds[name]], "runs": counts[name]}
            for name in names
        ]


def plain_runs(root: Path) -> Iterator[Run]:
    """Each experiment below the folder as filters are asked of it."""
    for found in find_experiments(root, follows_links=False):
        reader = LocalReader(found.folder, found.prefix, undrained=partial(undrained_records, found.folder))
        run = plain_run(reader)
        if run is not None:
            yield run


def _fields_of(run: Run) -> Iterator[Field]:
    """Each field that the run has."""
    yield from (Plain(name) for name in PLAIN if run.get(name) is not None)
    for part in KEYED:
        yield from (Keyed(part, key) for key in run.get(part, ()))
    for metric, fields in run.get("metrics", {}).items():
        for field, statistics in fields.items():
            yield from (Statistic(metric, field, one) for one, value in statistics.items() if value is not None)


def _kind_of(value: Any) -> str:
    """As the API names them: a time is a number of seconds."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "text" if isinstance(value, str) else "other"


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
