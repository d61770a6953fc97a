"""Runs that have another name than when they were imported first: they go on in that experiment.

The name is part of a prefix, and trackers let people change it. Which run an experiment came from stands in its
metadata, so the target is asked: a folder, or an API. Kafka alone can't be asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from mldash.client.client import Client
from mldash.client.unreadable import IN_THE_WAY
from mldash.delivery.resend import LocalExperiment, find_experiments
from mldash.errors import MldashError
from mldash.events.identity import Prefix, parse_prefix
from mldash.local.reading.reader import LocalReader
from mldash.mode import mode_of
from mldash.settings import SdkSettings

from .events import FoundRun

_TRACKER: Final = "imported_from"
_ID: Final = "id"
_PROJECT: Final = "imported_project"
_NAMED: Final = frozenset(("wandb", "mlflow", "trackio", "swanlab", "comet", "clearml"))
"""Trackers whose runs have a name beside their id; of the others the place is the identity."""
_OF_A_PROJECT: Final = frozenset(("wandb", "swanlab"))
"""Trackers whose ids are a project's own, and chosen by people: another project may have the same."""


class OtherProjectsRun(MldashError):
    """The experiment at `prefix` is the run of the same id and name, but of `project`."""

    def __init__(self, prefix: str, project: str) -> None:
        super().__init__(prefix, project)
        self.prefix, self.project = prefix, project

    def __str__(self) -> str:
        return f"{self.prefix} is the run of this id of the project {self.project}: import it --into another place"


class _Key(NamedTuple):
    """Whose run it is. `project` is empty where an id is enough."""

    tracker: str
    id: str
    parent: str
    project: str


class Places:
    """Where runs were imported to, of one target."""

    def __init__(self, settings: SdkSettings, targets: Sequence[tuple[FoundRun, Prefix]]) -> None:
        """`targets`: the runs, and where they belong by their names. Raises MldashError where an API can't be asked."""
        self._first: dict[_Key, str] = {}
        self._all: set[tuple[_Key, str]] = set()
        self._projects: dict[tuple[str, str, str], str] = {}  # of (tracker, id, prefix)
        named = [(run.tracker, _parent(prefix.text)) for run, prefix in targets if run.tracker in _NAMED]
        for prefix, metadata in _known(settings, {tracker for tracker, _ in named}, {parent for _, parent in named}):
            tracker, id, project = (str(metadata.get(name) or "") for name in (_TRACKER, _ID, _PROJECT))
            if project or tracker not in _OF_A_PROJECT:
                self._take(_key(tracker, id, project, prefix), prefix)

    def of(self, run: FoundRun, prefix: Prefix) -> Prefix:
        """`prefix`, or that of the run's first experiment beside it, where it is not there under this name. Raises
        OtherProjectsRun."""
        key = _key(run.tracker, run.id, run.project, prefix.text)
        known = self._first.get(key)
        if known is not None and (key, prefix.text) not in self._all:
            return parse_prefix(known)
        if run.tracker in _OF_A_PROJECT:
            project = self._projects.get((run.tracker, run.id, prefix.text), run.project)
            if project != run.project:
                raise OtherProjectsRun(prefix.text, project)
            self._take(key, prefix.text)
        return prefix

    def _take(self, key: _Key, prefix: str) -> None:
        self._first.setdefault(key, prefix)
        self._all.add((key, prefix))
        if key.project:
            self._projects.setdefault((key.tracker, key.id, prefix), key.project)


def _key(tracker: str, id: str, project: str, prefix: str) -> _Key:
    return _Key(tracker, id, _parent(prefix), project if tracker in _OF_A_PROJECT else "")


def _parent(prefix: str) -> str:
    return prefix.rpartition("/")[0]


def _known(settings: SdkSettings, trackers: set[str], parents: set[str]) -> Iterable[tuple[str, dict[str, Any]]]:
    """(prefix, its metadata of these three) of what was imported from one of the trackers, in the order of beginnings;
    of folders what lies beside the targets alone."""
    if not trackers:
        return ()
    if mode_of(settings) == "local":
        return _known_in(Path(settings.root).expanduser(), trackers, parents)
    return _known_there(settings, trackers) if settings.remote is not None else ()


def _known_there(settings: SdkSettings, trackers: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    names = ", ".join(f'"{name}"' for name in sorted(trackers))
    asked = {f"metadata.{name}": name for name in (_TRACKER, _ID, _PROJECT)}
    for row in Client.of(settings).runs(f"metadata.{_TRACKER} in ({names})", "created", [*asked]):
        yield row.prefix, {name: row.get(field) for field, name in asked.items()}


def _known_in(root: Path, trackers: set[str], parents: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    beside = [
        one
        for one in find_experiments(root, left_out=_pass_over, follows_links=False)
        if _parent(one.prefix.text) in parents
    ]
    told = [(created, one.prefix.text, known) for one in beside for created, known in _about(one)]
    for _, prefix, known in sorted(told, key=lambda row: row[:2]):
        if known[_TRACKER] in trackers:
            yield prefix, known


def _about(one: LocalExperiment) -> Iterator[tuple[str, dict[str, Any]]]:
    """When it began, and its metadata of these three; nothing of one that can't be read, which keeps no other run from
    being imported. None of its points are read."""
    try:
        told = LocalReader(one.folder, one.prefix).experiment()
        if told is not None:
            metadata = told["metadata"] or {}
            yield told["created_at"] or "", {name: metadata.get(name) for name in (_TRACKER, _ID, _PROJECT)}
    except IN_THE_WAY:
        return


def _pass_over(folder: Path, error: Exception) -> None:
    """It says no prefix, so no target is beside it."""
