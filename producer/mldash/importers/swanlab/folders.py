"""`.swanlab` files → runs. All folders of one id are one run, each a part, in the order of the times in their names.

run-TIME-ID/run-ID.swanlab                  the log
run-TIME-ID/files/config.yaml               parameters, as they are at the time: {key: {value, sort, desc}}
run-TIME-ID/files/swanlab-metadata.json     where it ran
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from mldash.importers.events import Event, FoundRun, LeftOut, Part, Progress, RunEvent, Torn
from mldash.importers.protobuf import Malformed, fields
from mldash.importers.told import Told
from mldash.importers.values import parameters, storable
from mldash.importers.wandb.frames import records
from mldash.importers.yaml import NotRead, parsed

from .records import HEAD, START, Run, run_of
from .run_log import RunLog

_PROJECT: Final = "swanlab"
_MOST_BYTES: Final = 64 * 1024 * 1024
_FACTS: Final = {"hostname": "host", "os": "os", "python_version": "python", "command": "command"}
_decode = msgspec.json.Decoder().decode


def runs_of(files: Iterable[Path], unreadable: list[str]) -> Iterator[FoundRun]:
    """The runs of these files; a file in which no run begins has none yet. Raises OSError.

    What is damaged before a run begins, or has a head of another version, is for `unreadable`.
    """
    found: dict[tuple[str, str], list[tuple[str, Path, Run]]] = {}
    for path in files:
        left = LeftOut()
        run = _run_in(path, left)
        if run is None:
            unreadable += [str(torn) for torn in left.torn if torn.is_damage]
        else:
            found.setdefault((run.project, run.id), []).append((path.parent.resolve().name, path, run))
    for logs in found.values():
        logs.sort(key=lambda log: log[0])
        _, first, run = logs[0]
        name = f"{run.name}-{run.id}" if run.name and run.name != run.id else run.id
        project = run.project or _PROJECT
        parts: list[Part] = []
        for place, (stamp, path, one) in enumerate(logs):
            parts.append(RunLog(path, stamp, place, project, _facts(path.parent)))
            parts += _configs(path.parent / "files" / "config.yaml", one.start)
        yield FoundRun("swanlab", run.id, project, (name,), first.parent, parts)


class _Unread:
    """A part that only says that a file can't be read."""

    id, size_bytes = "config", 0

    def __init__(self, torn: Torn) -> None:
        self._torn = torn

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        left.torn.append(self._torn)
        yield from ()


def _configs(path: Path, start: float) -> Iterator[Part]:
    if not path.is_file():
        return
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES)
    try:
        said = parsed(data.decode(errors="replace"))
    except NotRead as error:
        at = sum(map(len, data.splitlines(keepends=True)[: error.line - 1]))
        yield _Unread(Torn(path, at, len(data) - at, str(error), True))
        return
    values = _values(said)
    if values:
        yield Told("params", storable(values), partial(_params, values, start))


def _values(said: Any) -> dict[str, Any]:
    """Of what was set, in the order in which it was."""
    entries = {key: one for key, one in said.items() if isinstance(one, dict)} if isinstance(said, dict) else {}

    def place(entry: tuple[str, dict[str, Any]]) -> float:
        sort = entry[1].get("sort")
        return sort if isinstance(sort, (int, float)) else 0.0

    return {key: one["value"] for key, one in sorted(entries.items(), key=place) if "value" in one}


def _params(values: dict[str, Any], start: float, left: LeftOut) -> Event | None:
    flat = parameters(values, left)
    return Event("params", "", start, flat) if flat else None


def _facts(folder: Path) -> dict[str, str]:
    """Of where it ran; {} where that is not said."""
    path = folder / "files" / "swanlab-metadata.json"
    try:
        said = _decode(path.read_bytes()) if path.is_file() else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    runtime = said.get("runtime") if isinstance(said, dict) else None
    facts = runtime if isinstance(runtime, dict) else {}
    return {name: facts[key] for key, name in _FACTS.items() if isinstance(facts.get(key), str)}


def _run_in(path: Path, left: LeftOut) -> Run | None:
    """The record of the run, with which a file begins. Raises OSError."""
    for data in records(path, left, _look_away, HEAD):
        try:
            for number, value in fields(data):
                if number == START and isinstance(value, bytes) and (run := run_of(value)).id:
                    return run
        except Malformed:
            continue
    return None


def _look_away(size: int) -> None:
    """Nobody waits for it."""
