"""How far `mldash sync` has sent an experiment's files: `.state/sent.json`, one entry for each destination.

It only spares work, for the store drops events that it has. So a sync that finds it missing, or may not write it, sends
all of the files again, and a sync that is killed repeats whatever it had not noted.
"""

import contextlib
from typing import Any

import msgspec
from msgspec import Struct

from mldash.events.topics import TopicAddress
from mldash.local.folder import Folder
from mldash.local.json_file import read_json, write_json
from mldash.process.learnt_types import learnt

from .acknowledged import FileEnd

NAME = "sent.json"


class SentTo(Struct, kw_only=True):
    """Up to where each file is acknowledged by Kafka, and the topics that were fixed with the first sync."""

    topics: dict[str, TopicAddress]
    content_type: str
    files: dict[str, FileEnd] = {}
    renames: dict[str, int] = {}
    """Sessions, in hex, whose experiment was deleted there, and how often: their events are sent under other names
    (sources.py, `renamed_session`)."""


_SENT_TO = learnt(SentTo)


def read_sent(folder: Folder, place: str) -> SentTo | None:
    """How far a destination was sent to; None where that is unknown."""
    found = _read(folder).get(place)
    with contextlib.suppress(msgspec.ValidationError):
        return msgspec.convert(found, _SENT_TO)
    return None


def write_sent(folder: Folder, place: str, sent: SentTo) -> bool:
    """Note it; what another sync has noted meanwhile stays where it is further, unless all begins anew, with no file.
    Whether it could be written."""
    known = _read(folder)
    before = read_sent(folder, place)
    same = before is not None and before.renames == sent.renames
    for file, end in (before.files if before is not None and same and sent.files else {}).items():
        if end.rows > sent.files.get(file, FileEnd()).rows:
            sent.files[file] = end
    known[place] = msgspec.to_builtins(sent)
    try:
        folder.state.mkdir(exist_ok=True)
        write_json(folder.state / NAME, known)
    except OSError:
        return False
    return True


def _read(folder: Folder) -> dict[str, Any]:
    try:
        return read_json(folder.state / NAME) or {}
    except OSError:
        return {}
