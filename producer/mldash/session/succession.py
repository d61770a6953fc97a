"""The dead sessions of an experiment that a new one finds on its host: it takes their place (events/run_status.py)."""

import contextlib
import socket
from pathlib import Path
from typing import Final

from mldash.journal.sessions import find_sessions, is_dead

MOST: Final = 256
"""Of very many, the latest: a start must stay small."""


def found_dead(journal: Path, prefix: str) -> list[str]:
    """Ids in hex. Their process is gone by the journal's lock; nothing is changed."""
    host = socket.gethostname()
    dead = list[str]()
    with contextlib.suppress(OSError):  # a journal that can't be read is told by who needs it
        for folder in find_sessions(journal):
            if folder.head.prefix == prefix and folder.head.host == host and is_dead(folder.path):
                dead.append(folder.head.session)
    return dead[-MOST:]
