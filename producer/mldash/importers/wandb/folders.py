"""`.wandb` files → runs. All folders of one id are one run, each a part, in the order of the times in their names."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mldash.importers.events import FoundRun, LeftOut
from mldash.importers.protobuf import Malformed, fields

from .frames import records
from .records import RUN, Run, run_of
from .run_log import RunLog

_PROJECT: Final = "uncategorized"
_OFFLINE: Final = re.compile(r"^offline-")


def runs_of(files: Iterable[Path]) -> Iterator[FoundRun]:
    """The runs of these files; a file in which no run begins has none yet."""
    found: dict[tuple[str, str], list[tuple[str, Path, Run]]] = {}
    for path in files:
        run = _run_in(path)
        if run is not None:
            folder = path.parent.resolve().name
            found.setdefault((run.project, run.id), []).append((_OFFLINE.sub("", folder), path, run))
    for parts in found.values():
        parts.sort(key=lambda part: part[0])
        _, path, run = parts[0]
        name = f"{run.name}-{run.id}" if run.name and run.name != run.id else run.id
        project = run.project or _PROJECT
        logs = [RunLog(path, stamp, place, project) for place, (stamp, path, _) in enumerate(parts)]
        yield FoundRun("wandb", run.id, project, (name,), path.parent, logs)


def _run_in(path: Path) -> Run | None:
    """The record of the run, with which a file begins. Raises OSError."""
    for data in records(path, LeftOut(), _look_away):
        try:
            for number, value in fields(data):
                if number == RUN and isinstance(value, bytes) and (run := run_of(value)).id:
                    return run
        except Malformed:
            continue
    return None


def _look_away(size: int) -> None:
    """Nobody waits for it."""
