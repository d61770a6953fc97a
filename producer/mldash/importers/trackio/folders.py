"""Databases and fragments → runs. What a folder's inbox holds of a project belongs to the database of its name."""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from mldash.importers.events import FoundRun, Part
from mldash.importers.sqlite import Database
from mldash.importers.told import Told

from .database import TABLES, Known, Project
from .fragments import INBOX, Inbox, OfRun, read
from .runs import About, Rows, described, parameters_of

_ID_SHOWN: Final = 8


def runs_of(
    folder: Path, databases: Iterable[Database], fragments: Iterable[Path], unreadable: list[str]
) -> Iterator[FoundRun]:
    """The runs of these, which lie in a folder, each with all that lies of it there. Raises OSError.

    What is told of no run is for `unreadable`.
    """
    known = {database.path: database for database in databases}
    inbox = folder / INBOX
    # The fragments first: what trackio takes in meanwhile is then in the database too, and counts once.
    waiting = read({*fragments, *(path for path in inbox.rglob("*.jsonl") if path.is_file())})
    for project, held in waiting.items():
        path = folder / f"{project}.db"
        if path not in known and path.is_file() and (database := Database(path)).tables() >= TABLES:
            known[path] = database
        if not held.runs and path not in known:
            unreadable += map(str, held.torn)
        yield from _runs(inbox, project, known.pop(path, None), held, is_by_time=True)
    for path, database in known.items():
        yield from _runs(inbox, path.stem, database, Inbox(), is_by_time=inbox.is_dir())


def _runs(place: Path, name: str, database: Database | None, inbox: Inbox, *, is_by_time: bool) -> Iterator[FoundRun]:
    project = Project(database) if database is not None else None
    stored = project.runs() if project is not None else {}
    torn = [*inbox.torn]
    path = database.path if database is not None else place
    touched = max([inbox.touched, database.touched if database is not None else 0.0])
    for id in {**stored, **inbox.runs}:
        known, written = stored.get(id, Known()), inbox.runs.get(id, OfRun())
        about = About(id, known, written, torn, path, touched)
        torn = []  # they are told once
        parts: list[Part] = [Rows(about, table, project, is_by_time=is_by_time) for table in Rows.TABLES]
        for config in about.configs:
            said = {key: value for key, value in config.items() if not key.startswith("_")}
            if said:
                parts.append(Told("params", said, partial(parameters_of, about, said)))
        parts.append(Told("about", about.said, partial(described, about)))
        shown = about.name if about.name == id else f"{about.name}-{id[:_ID_SHOWN]}"
        yield FoundRun("trackio", id, name, (shown,), path, parts)


def folder_of(fragment: Path) -> Path:
    """Which the inbox of a fragment lies in; its own where it is in no inbox."""
    inbox = fragment.parent.parent
    return inbox.parent if inbox.name == INBOX else fragment.parent
