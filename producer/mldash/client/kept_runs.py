"""The runs of a folder for who asks again and again: found once a second at most, and read anew where they changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any, Final

from mldash.delivery.resend import LocalExperiment, find_experiments
from mldash.local.reading.plain_run import plain_run
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.stored_rows import StoredRows
from mldash.local.reading.undrained import undrained_records
from mldash.process.locks import reentrant_lock

from .live.asked import LiveAsked
from .live.over_folder import is_below

Run = Mapping[str, Any]

_FIND_EVERY_S: Final = 1.0
_REST: Final = 10
"""Times a look."""
_GOES_ON: Final = ("CREATED", "RUNNING")


class KeptRun:
    """One of them."""

    def __init__(self, experiment: LocalExperiment) -> None:
        self.experiment = experiment
        undrained = partial(undrained_records, experiment.folder)
        self.reader = LocalReader(experiment.folder, experiment.prefix, undrained=undrained)
        self._stored = StoredRows(experiment.folder)
        self._plain: Run | None = None

    @property
    def prefix(self) -> str:
        return self.experiment.prefix.text

    def plain(self) -> Run | None:
        """As filters are asked of it (plain_run.py). What has ended is read once, unless its files change."""
        if self._stored.refresh() or (self._plain is not None and self._plain.get("status") in _GOES_ON):
            self._plain = None  # what can't be read now is not told from before
        if self._plain is None:
            self._plain = plain_run(self.reader)
        return self._plain


class KeptRuns:
    """All below a folder. Thread-safe: whoever reads a run holds `lock` meanwhile."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = reentrant_lock()
        self._runs = dict[str, KeptRun]()
        self._find_at = 0.0

    def find(self) -> dict[str, KeptRun]:
        """By prefix. Of two folders that say the same prefix, as a copy does, the first in the order of paths."""
        with self.lock:
            if monotonic() >= self._find_at:
                begun = monotonic()
                found = dict[str, KeptRun]()
                for one in find_experiments(self.root, skips=True):
                    known = self._runs.get(one.prefix.text)
                    same = known is not None and known.experiment.folder.path == one.folder.path
                    found.setdefault(one.prefix.text, known if known is not None and same else KeptRun(one))
                self._runs = found
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

    def plain(self) -> Iterator[Run]:
        """Of each that was logged to."""
        for run in self.find().values():
            with self.lock:
                found = run.plain()
            if found is not None:
                yield found
