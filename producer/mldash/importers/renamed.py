"""Runs that have another name than when they were imported first: they go on in that experiment.

The name is part of a prefix, and trackers let people change it. Which run an experiment came from stands in its
metadata, so the target is asked: a folder, or an API. Kafka alone can't be asked.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from mldash.client.client import Client
from mldash.events.identity import Prefix, parse_prefix
from mldash.mode import mode_of
from mldash.settings import SdkSettings

from .events import FoundRun

_TRACKER: Final = "metadata.imported_from"
_ID: Final = "metadata.id"
_NAMED: Final = frozenset(("wandb", "mlflow", "trackio", "swanlab", "comet", "clearml"))
"""Trackers whose runs have a name beside their id; of the others the place is the identity."""

_Key = tuple[str, str, str]


class Places:
    """Where runs were imported to, of one target."""

    def __init__(self, settings: SdkSettings, trackers: Iterable[str]) -> None:
        """Raises MldashError where an API can't be asked."""
        self._first: dict[_Key, str] = {}
        self._all: set[tuple[_Key, str]] = set()
        client = _client(settings)
        asked = sorted(_NAMED.intersection(trackers)) if client is not None else []
        if client is not None and asked:
            names = ", ".join(f'"{name}"' for name in asked)
            for row in client.runs(f"{_TRACKER} in ({names})", "created", [_TRACKER, _ID]):
                key = (str(row.get(_TRACKER)), str(row.get(_ID)), _parent(row.prefix))
                self._first.setdefault(key, row.prefix)
                self._all.add((key, row.prefix))

    def of(self, run: FoundRun, prefix: Prefix) -> Prefix:
        """`prefix`, or that of the run's first experiment beside it, where it is not there under this name."""
        key = (run.tracker, run.id, _parent(prefix.text))
        if (key, prefix.text) in self._all:
            return prefix
        known = self._first.get(key)
        return prefix if known is None else parse_prefix(known)


def _parent(prefix: str) -> str:
    return prefix.rpartition("/")[0]


def _client(settings: SdkSettings) -> Client | None:
    if mode_of(settings) != "local":
        return Client.of(settings) if settings.remote is not None else None
    return Client.of(settings, settings.root) if Path(settings.root).expanduser().is_dir() else None
