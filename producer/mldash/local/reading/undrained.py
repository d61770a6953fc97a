"""Events in the journals of an experiment's folder: of this process, of others, of the dead."""

import os
from collections.abc import Iterator
from pathlib import Path

from mldash.events.schema import Record
from mldash.journal.checkpoint import Place
from mldash.journal.frame import HEADER_BYTES
from mldash.journal.reading.rounds import Gatherer
from mldash.journal.reading.scan import Scan, StoredSource
from mldash.journal.session_folder import SessionFolder
from mldash.journal.sessions import find_sessions, live_sessions
from mldash.local.folder import Folder


def undrained_records(folder: Folder) -> Iterator[Record]:
    """Records from each session's checkpoint on, decoded, session after session in the order of their starts.

    Reads only; a session that is drained and removed meanwhile gives what was read of it. What a dead session left does
    not change until someone drains it, and is decoded once only.
    """
    live = live_sessions(folder.journal, follows_links=folder.follows_links)
    for session in find_sessions(folder.journal, follows_links=folder.follows_links):
        if session.path.name in live:
            if _holds_more(session):
                yield from _records_of(session)
            continue
        place = session.checkpoint()
        known = _dead.get(session.path)
        if known is None or known[0] != place:
            known = _dead[session.path] = (place, list(_records_of(session)) if _holds_more(session) else [])
        yield from known[1]
    for path in list(_dead):  # which another thread that reads adds to
        if path.parent == folder.journal and not path.exists():
            _dead.pop(path, None)


def _records_of(session: SessionFolder) -> Iterator[Record]:
    gatherer = Gatherer(Scan(StoredSource(session)), session.head.prefix, decoded=True, after=session.checkpoint())
    while (found := gatherer.next_round()) is not None:
        yield from found.records


_dead: dict[Path, tuple[Place, list[Record]]] = {}
"""What dead sessions left, as long as their folders are there."""


def _holds_more(session: SessionFolder) -> bool:
    """Whether anything stands behind the checkpoint: one look at the disk, where a scan would count all events."""
    place = session.checkpoint()
    segments = session.segments()
    if not segments or segments[-1] != place.segment:
        return bool(segments)
    try:
        descriptor = os.open(session.segment_path(place.segment), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return any(os.pread(descriptor, HEADER_BYTES, place.offset))
    finally:
        os.close(descriptor)
