"""Sessions of offline tasks → runs: the archive that ClearML makes at the end, and the folder that it writes before.

task.json        id, name, project_name, tags, hyperparams: {section: {name: {type, value}}}
metrics.jsonl    reports.py; not there before the first report
log.jsonl        likewise

Where both are there, the folder counts: it has all that the archive has.
"""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from mldash.events.schema import Describe
from mldash.importers.archives import Member, names_in
from mldash.importers.events import Event, FoundRun, LeftOut, Part
from mldash.importers.mlflow.runs import parameter
from mldash.importers.told import Told
from mldash.importers.values import about, parameters, text

from .reports import File, Reports, lines_of, metrics_of

TASK: Final = "task.json"
_REPORTS: Final = {"metrics.jsonl": metrics_of, "log.jsonl": lines_of}
NAMES: Final = frozenset((TASK, *_REPORTS))
"""What can be in an archive beside other files; the task always is."""
_PROJECT: Final = "clearml"
_ID_SHOWN: Final = 8
_OFFLINE: Final = "offline-"
_MOST_BYTES: Final = 64 * 1024 * 1024


class _Hyperparameter(msgspec.Struct):
    """`value` is text, whatever `type` says."""

    value: str | None = None
    type: str | None = None


class _Task(msgspec.Struct):
    """What task.json says."""

    id: str
    name: str | None = None
    project_name: str | None = None
    comment: str | None = None
    type: str | None = None
    tags: list[str] = []
    hyperparams: dict[str, dict[str, _Hyperparameter]] = {}


_decode = msgspec.json.Decoder(_Task).decode


def is_task(head: bytes) -> bool:
    """Whether a task.json that begins so is one of an offline session."""
    return head.startswith(b"{") and (b'"execution"' in head or b'"offline-' in head)


def runs_of(files: Iterable[Path], unreadable: list[str]) -> Iterator[FoundRun]:
    """The runs of these files: a folder's task.json, or an archive with one. What can't be read is for `unreadable`."""
    found: dict[str, tuple[_Task, Path, list[Reports]]] = {}
    for path in files:
        try:
            task, reports = _decode(_whole(path)), [*_reports(path)]
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            unreadable.append(f"{path}: {TASK} is none of ClearML's ({error})")
        except OSError as error:
            unreadable.append(str(error))
        else:
            if not task.id.removeprefix(_OFFLINE):
                unreadable.append(f"{path}: {TASK} has no id")
            elif task.id not in found or path.name == TASK:
                found[task.id] = task, path, reports
    for task, path, reports in found.values():
        id = task.id.removeprefix(_OFFLINE)
        name = f"{text(task.name)}-{id[:_ID_SHOWN]}" if task.name else id
        parts = [*reports, *_said(task, path)]
        yield FoundRun("clearml", task.id, text(task.project_name or _PROJECT), (name,), path, parts)


def _whole(path: Path) -> bytes:
    if path.name != TASK:
        return Member(path, TASK).whole()
    with path.open("rb") as file:
        return file.read(_MOST_BYTES)


def _reports(path: Path) -> Iterator[Reports]:
    """The parts of what was reported. Raises OSError."""
    there = NAMES if path.name == TASK else names_in(path)
    for name, events_of in _REPORTS.items():
        if name in there:
            source = File(path.parent / name) if path.name == TASK else Member(path, name)
            yield Reports(name.partition(".")[0], source, events_of)


def _said(task: _Task, path: Path) -> Iterator[Part]:
    said = {
        section: {name: [one.type, one.value] for name, one in entries.items()}
        for section, entries in task.hyperparams.items()
    }
    if any(said.values()):
        yield Told("params", said, partial(_params, task, path))
    yield Told("about", [task.name, task.comment, task.tags, task.type], partial(_described, task, path))


def _params(task: _Task, path: Path, left: LeftOut) -> Event | None:
    nested = {
        section: {name.replace("/", "."): _value(one) for name, one in entries.items()}
        for section, entries in task.hyperparams.items()
    }
    flat = parameters(nested, left)
    return Event("params", "", path.stat().st_mtime, flat) if flat else None


def _value(said: _Hyperparameter) -> Any:
    """By its type; None is an empty text without one."""
    if said.type is None:
        return said.value or None
    return said.value if said.type == "str" or said.value is None else parameter(said.value)


def _described(task: _Task, path: Path, left: LeftOut) -> Describe:
    """As of now: what is said later of the run counts more."""
    known = {"imported_from": "clearml", "status_unknown": True, "id": task.id, "name": task.name, "type": task.type}
    tags = [text(tag) for tag in task.tags]
    description, metadata = text(task.comment or "") or None, about(known, left)
    return Describe(time.time(), description=description, tags=tags or None, metadata=metadata)
