"""The readers of an experiment: the API, its local files, or this host's journals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mldash.mode import Mode, Reader

from .disabled import EmptyReader

if TYPE_CHECKING:
    from mldash.events.identity import Prefix
    from mldash.remote.own_writes import OwnWrites
    from mldash.settings import SdkSettings


def make_reader(
    mode: Mode,
    prefix: Prefix,
    settings: SdkSettings,
    sessions_that_wrote: Callable[[], Sequence[OwnWrites]],
    own_events_stored: Callable[[float | None], None],
) -> Reader:
    """A read waits for what this process wrote: remotely that of the sessions given, locally by calling the other with
    its `wait`.

    Raises ValueError where no address of an API is known.
    """
    if mode == "disabled":
        return EmptyReader()
    if mode == "remote":
        return _remote_reader(prefix, settings, sessions_that_wrote)
    if mode == "local":
        return _local_reader(prefix, settings, own_events_stored)
    return _journal_reader(prefix, settings)


def _remote_reader(
    prefix: Prefix, settings: SdkSettings, sessions_that_wrote: Callable[[], Sequence[OwnWrites]]
) -> Reader:
    from mldash.remote.reader import RemoteReader
    from mldash.remote.transport import Transport

    if settings.remote is None:
        raise ValueError("reads need the API's address: Experiment(…, remote=…), or MLDASH_REMOTE")
    return RemoteReader(Transport.of(settings, settings.remote), prefix.text, settings.read_wait_s, sessions_that_wrote)


def _local_reader(prefix: Prefix, settings: SdkSettings, own_events_stored: Callable[[float | None], None]) -> Reader:
    from mldash.local.folder import experiment_folder
    from mldash.local.reading.reader import LocalReader
    from mldash.local.reading.undrained import undrained_records

    folder = experiment_folder(settings.root, prefix.text)
    return LocalReader(folder, prefix, own_events_stored=own_events_stored, undrained=lambda: undrained_records(folder))


def _journal_reader(prefix: Prefix, settings: SdkSettings) -> Reader:
    """Offline: what this host's journals hold of the experiment, as a folder of which nothing is drained."""
    from mldash.journal.placement import journal_root
    from mldash.journal.reading.index import FolderIndex
    from mldash.journal.sessions import find_sessions, live_sessions
    from mldash.local.folder import Folder
    from mldash.local.reading.reader import LocalReader

    root, index = journal_root(settings.journal), FolderIndex({})
    return LocalReader(
        Folder(root / "nothing"),
        prefix,
        undrained=lambda: index.events(one for one in find_sessions(root) if one.head.prefix == prefix.text),
        live=lambda: live_sessions(root, for_people=True),
    )
