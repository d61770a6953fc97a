"""The runs of a folder for who asks again and again: found once a second at most, and read anew where they changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final, TypeVar

from mldash.answers.shapes import ExperimentAnswer
from mldash.delivery.resend import LocalExperiment, find_experiments
from mldash.events.printable import printable_line
from mldash.local.reading.plain_run import plain_run
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.stored_rows import StoredRows
from mldash.local.reading.undrained import undrained_records
from mldash.process.locks import reentrant_lock

from .live.asked import LiveAsked
from .live.over_folder import is_below
from .unreadable import IN_THE_WAY, RunUnreadable

_Found = TypeVar("_Found")
Run = Mapping[str, Any]

_FIND_EVERY_S: Final = 1.0
_REST: Final = 10
"""Times a look."""
_MOST_TOLD: Final = 10
"""Troubles of one run."""
_GOES_ON: Final = ("CREATED", "RUNNING")
_log = logging.getLogger(__name__)


class KeptRun:
    """One of them."""

    def __init__(self, experiment: LocalExperiment) -> None:
        self.experiment = experiment
        undrained = partial(undrained_records, experiment.folder)
        self.reader = LocalReader(experiment.folder, experiment.prefix, undrained=undrained)
        self._stored = StoredRows(experiment.folder)
        self._plain: Run | None = None
        self._told = set[str]()

    @property
    def prefix(self) -> str:
        return self.experiment.prefix.text

    def plain(self) -> Run | None:
        """As filters are asked of it (plain_run.py). What has ended is read once, unless its files change.

        Raises RunUnreadable.
        """
        with self.reading() as reader:
            if self._stored.refresh() or (self._plain is not None and self._plain.get("status") in _GOES_ON):
                self._plain = None  # what can't be read now is not told from before
            if self._plain is None:
                self._plain = plain_run(reader)
            return self._plain

    def about(self) -> ExperimentAnswer | None:
        """None: nothing was logged there. Raises RunUnreadable."""
        with self.reading() as reader:
            return reader.experiment()

    @contextmanager
    def reading(self) -> Iterator[LocalReader]:
        """For who reads it. What is in the way is a RunUnreadable."""
        try:
            yield self.reader
        except IN_THE_WAY as error:
            raise RunUnreadable(self.prefix, error) from error

    def among_others(self, read: Callable[[], _Found]) -> _Found | None:
        """None where it can't be read: others are shown, and the log says it once."""
        try:
            return read()
        except RunUnreadable as error:
            self.tell(error)
            return None

    def tell(self, error: RunUnreadable) -> None:
        """In the log, once."""
        text = str(error)
        if text not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(text)
            of_ours = None if error.is_of_files else error.error
            _log.warning("%s. It is left out of lists", printable_line(text), exc_info=of_ours)


class KeptRuns:
    """All below a folder. Thread-safe: whoever reads a run holds `lock` meanwhile."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = reentrant_lock()
        self._runs = dict[str, KeptRun]()
        self._find_at = 0.0
        self._left_out = dict[Path, str]()

    def find(self) -> dict[str, KeptRun]:
        """By prefix. Of two folders that say the same prefix, as a copy does, the first in the order of paths."""
        with self.lock:
            if monotonic() >= self._find_at:
                begun = monotonic()
                found, left_out = dict[str, KeptRun](), dict[Path, str]()

                def leave_out(path: Path, error: Exception) -> None:
                    left_out[path] = str(error)

                for one in find_experiments(self.root, left_out=leave_out, follows_links=False):
                    known = self._runs.get(one.prefix.text)
                    same = known is not None and known.experiment.folder.path == one.folder.path
                    found.setdefault(one.prefix.text, known if known is not None and same else KeptRun(one))
                for path, reason in left_out.items():
                    if self._left_out.get(path) != reason:
                        _log.warning("%s is left out: %s", *map(printable_line, (path, reason)))
                self._runs, self._left_out = found, left_out
                # In a folder with very much else a look takes long: it shall stay a small part of the time.
                self._find_at = monotonic() + max(_FIND_EVERY_S, _REST * (monotonic() - begun))
            return self._runs

    def asked_for(self, asked: LiveAsked) -> Iterator[LocalExperiment]:
        """Those that are there. No prefix that is asked for becomes a path."""
        found = self.find()
        for prefix in asked.prefixes:
            if prefix in found:
                yield found[prefix].experiment
        for scope in asked.scopes:
            yield from (one.experiment for one in found.values() if is_below(one.experiment, scope))

    def tell(self, prefix: str, error: Exception) -> None:
        """That one can't be read: in the log, once."""
        run = self.find().get(prefix)
        if run is not None:
            run.tell(RunUnreadable(prefix, error))

    def plain(self) -> Iterator[Run]:
        """Of each that was logged to, and can be read."""
        for run in self.find().values():
            with self.lock:
                found = run.among_others(run.plain)
            if found is not None:
                yield found
