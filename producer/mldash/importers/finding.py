"""SOURCE → the runs that lie there, told by what is in the files and never by their names alone."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from mldash.errors import MldashError

from .archives import MAGIC as ARCHIVE
from .archives import ArchiveUnreadable, Member, names_in
from .clearml import sessions as clearml_sessions
from .comet import archives as comet_archives
from .dvclive import folders as dvclive_folders
from .dvclive.series import is_series
from .events import FoundRun
from .mlflow import database as mlflow_database
from .mlflow import files as mlflow_files
from .sqlite import MAGIC, Database
from .swanlab import folders as swanlab_folders
from .swanlab import records as swanlab_records
from .tensorboard import folders as tensorboard_folders
from .tensorboard.event_file import is_event_file
from .tensorboard.frames import is_head
from .trackio import database as trackio_database
from .trackio import folders as trackio_folders
from .trackio.fragments import is_fragment
from .wandb import folders as wandb_folders
from .wandb.frames import is_log

_HEAD_BYTES: Final = 4096


class NothingToImport(MldashError):
    """No run of a tracker that is known lies at `path`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return (
            f"nothing to import in {self.path}: it holds no event files of TensorBoard, no logs of wandb or SwanLab, "
            "no store of mlflow or trackio, no metrics of DVCLive and no offline archives of Comet or ClearML"
        )


class Found(Struct):
    """Of one source. `unreadable`: what could not be looked into, and why."""

    runs: list[FoundRun] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    """Kind → how many runs that are not taken."""


def find(source: Path) -> Found:
    """All runs at or below a path. Links to folders are not followed. Raises NothingToImport."""
    found = Found()
    files: dict[str, list[Path]] = {}
    for path in _files(source, found):
        try:
            kind = _kind_of(path)
        except OSError as error:
            said = str(error) if isinstance(error, ArchiveUnreadable) else f"{path}: {error.strerror or error}"
            found.unreadable.append(said)
            continue
        if kind is not None:
            files.setdefault(kind, []).append(path)
    root = source if source.is_dir() else source.parent
    found.runs += tensorboard_folders.runs_of(root, files.get("tensorboard", ()))
    found.runs += wandb_folders.runs_of(files.get("wandb", ()))
    found.runs += swanlab_folders.runs_of(files.get("swanlab", ()), found.unreadable)
    found.runs += mlflow_files.runs_of(files.get("mlruns", ()), found.skipped)
    found.runs += comet_archives.runs_of(files.get("comet", ()), found.unreadable)
    found.runs += clearml_sessions.runs_of(files.get("clearml", ()), found.unreadable)
    try:
        found.runs += dvclive_folders.runs_of(root, files.get("dvclive", ()))
    except OSError as error:
        found.unreadable.append(str(error))
    _take_databases(files.get("sqlite", ()), files.get("fragments", ()), found)
    if not (found.runs or found.unreadable or found.skipped):
        raise NothingToImport(source)
    return found


def _take_databases(files: Iterable[Path], fragments: Iterable[Path], found: Found) -> None:
    """Each is told by its tables; another one that can't be read keeps none from being taken."""
    projects: dict[Path, list[Database]] = {}
    for path in files:
        try:
            database = Database(path)
            tables = database.tables()
            if tables >= mlflow_database.TABLES:
                found.runs += mlflow_database.runs_of(database, found.skipped)
            elif tables >= trackio_database.TABLES:
                projects.setdefault(path.parent, []).append(database)
        except OSError as error:
            found.unreadable.append(str(error))
    waiting: dict[Path, list[Path]] = {folder: [] for folder in projects}
    for path in fragments:
        waiting.setdefault(trackio_folders.folder_of(path), []).append(path)
    for folder, paths in waiting.items():
        try:
            found.runs += trackio_folders.runs_of(folder, projects.get(folder, ()), paths, found.unreadable)
        except OSError as error:
            found.unreadable.append(str(error))


def _files(source: Path, found: Found) -> Iterator[Path]:
    if not source.is_dir():
        yield source
        return

    def note(error: OSError) -> None:
        found.unreadable.append(f"{error.filename}: {error.strerror or error}")

    for folder, folders, names in os.walk(source, onerror=note):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file():
                yield path


def _kind_of(path: Path) -> str | None:
    """Raises OSError."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if is_log(head):
        return "wandb"
    if swanlab_records.is_log(head):
        return "swanlab"
    if head.startswith(MAGIC):
        return "sqlite"
    if head.startswith(ARCHIVE):
        return _kind_of_archive(path, head)
    if is_fragment(head):
        return "fragments"
    if path.name == "meta.yaml" and mlflow_files.is_run(head):
        return "mlruns"
    if path.name == clearml_sessions.TASK and clearml_sessions.is_task(head):
        return "clearml"
    if is_series(path, head):
        return "dvclive"
    return "tensorboard" if is_head(head) and is_event_file(head) else None


def _kind_of_archive(path: Path, head: bytes) -> str | None:
    """By the names in it, and what ClearML's task begins with; of one that is cut or damaged the names at its head tell
    whether it is one of these. Raises OSError."""
    try:
        names = names_in(path)
    except ArchiveUnreadable:
        if any(name.encode() in head for name in comet_archives.NAMES | clearml_sessions.NAMES):
            raise
        return None
    if names >= comet_archives.NAMES:
        return "comet"
    task = clearml_sessions.TASK
    return "clearml" if task in names and clearml_sessions.is_task(Member(path, task).head(_HEAD_BYTES)) else None
