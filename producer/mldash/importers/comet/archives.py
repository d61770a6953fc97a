"""Archives of offline experiments → runs. All of one id are one run, each a part, in the order of their beginnings.

experiment.json    offline_id, project_name, workspace, tags, start_time and stop_time in milliseconds
messages.json      a line a message (messages.py)
"""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from mldash.events.schema import Describe
from mldash.importers.archives import Member
from mldash.importers.events import FoundRun, LeftOut, Part
from mldash.importers.told import Told
from mldash.importers.values import about, storable, text

from .messages import Messages, what_is_said

EXPERIMENT: Final = "experiment.json"
MESSAGES: Final = "messages.json"
NAMES: Final = frozenset((EXPERIMENT, MESSAGES))
_PROJECT: Final = "comet"
_ID_SHOWN: Final = 8


class _Experiment(msgspec.Struct):
    """What experiment.json says."""

    offline_id: str
    start_time: float
    stop_time: float | None = None
    project_name: str | None = None
    workspace: str | None = None
    tags: list[str] = []


_decode = msgspec.json.Decoder(_Experiment).decode


def runs_of(files: Iterable[Path], unreadable: list[str]) -> Iterator[FoundRun]:
    """The runs of these archives, which have NAMES. What can't be read is for `unreadable`."""
    found: dict[str, list[tuple[_Experiment, Path]]] = {}
    for path in files:
        try:
            experiment = _decode(Member(path, EXPERIMENT).whole())
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            unreadable.append(f"{path}: {EXPERIMENT} is none of Comet's ({error})")
        except OSError as error:
            unreadable.append(str(error))
        else:
            if experiment.offline_id:
                found.setdefault(experiment.offline_id, []).append((experiment, path))
            else:
                unreadable.append(f"{path}: {EXPERIMENT} has no offline_id")
    for archives in found.values():
        archives.sort(key=lambda archive: archive[0].start_time)
        yield _run(archives)


def _run(archives: list[tuple[_Experiment, Path]]) -> FoundRun:
    first, path = archives[0]
    said: dict[str, Any] = {}
    tags: dict[str, None] = {}
    parts: list[Part] = []
    for experiment, archive in archives:
        messages = Member(archive, MESSAGES)
        told = _said_in(messages)
        said |= told
        tags |= dict.fromkeys(experiment.tags)
        times = (experiment.start_time / 1000, experiment.stop_time and experiment.stop_time / 1000)
        parts.append(Messages(messages, str(int(experiment.start_time)), times, text(str(told.get("host", "")))))
    said |= {"id": first.offline_id, "workspace": first.workspace}
    parts.append(Told("about", [storable(said), [*tags]], partial(_described, said, [*tags])))
    name = said.get("name")
    shown = f"{text(name)}-{first.offline_id[:_ID_SHOWN]}" if isinstance(name, str) and name else first.offline_id
    project = next((one.project_name for one, _ in archives if one.project_name), _PROJECT)
    return FoundRun("comet", first.offline_id, text(project), (shown,), path, parts)


def _said_in(messages: Member) -> dict[str, Any]:
    """{} where they can't be read, which is told when they are taken."""
    try:
        return what_is_said(messages.lines(LeftOut(), _look_away))
    except OSError:
        return {}


def _described(said: dict[str, Any], tags: list[str], left: LeftOut) -> Describe:
    """As of now: what is said later of the run counts more."""
    metadata = about({**said, "imported_from": "comet", "status_unknown": True}, left)
    return Describe(time.time(), tags=[text(tag) for tag in tags] or None, metadata=metadata)


def _look_away(size: int) -> None:
    """Nobody waits for it."""
