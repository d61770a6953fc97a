"""A user's script in a process of its own, and what it has left in its journal."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from mldash.events.schema import End, Start
from mldash.journal.reading.scan import StoredSource
from mldash.journal.sessions import find_sessions, try_lock

from .journal.journals import events_in

PREAMBLE = """
import multiprocessing, os, signal, sys, threading, time
from mldash import Experiment
experiment = Experiment("owner/project/run", mode="offline", capture_context=False, echo=False)
train = experiment.metrics("train")
def terminate():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(9)
"""


def run_script(tmp_path: Path, script: str, *, exit_code: int | None = 0) -> str:
    """Run a script of a user's; what it says on stderr."""
    environment = {**os.environ, "MLDASH_JOURNAL": str(tmp_path / "journal")}
    command = [sys.executable, "-c", PREAMBLE + textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    if exit_code is not None:
        assert done.returncode == exit_code, done.stderr
    return done.stderr


def sessions(tmp_path: Path) -> list[dict[Any, list[Any]]]:
    """What each session's journal holds: stream → fields."""
    found = []
    for folder in find_sessions(tmp_path / "journal"):
        assert try_lock(folder), "the session looks alive, and its process is gone"
        folder.unlock()
        events = events_in(StoredSource(folder))
        found.append({stream: [fields for _, fields in those] for stream, those in events.items()})
    return found


def end_of(session: dict[Any, list[Any]]) -> End | None:
    events = [fields["event"] for fields in session["runs", ""]]
    assert isinstance(events[0], Start)
    return events[-1] if isinstance(events[-1], End) else None
