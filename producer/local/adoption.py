"""Files that came without their .state: copied, kept in git, written by another program.

Before anything is appended their whole lines are acknowledged, and what only stands in a JSON file (parameters,
descriptions) goes into the histories, so that no later file forgets it.
"""

import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from mldash.producer.events.schema import Describe
from mldash.producer.local import params, runs
from mldash.producer.local.acknowledged import FileEnd
from mldash.producer.local.blocks import RunEvent
from mldash.producer.local.folder import DATA, METADATA, Folder, name_of_folder
from mldash.producer.local.json_file import read_json
from mldash.producer.local.row_file import RowFile, whole_lines
from mldash.producer.local.row_text import pieces_of

NOBODY = bytes(16)
"""The session of what no session of ours has written."""


def adopt(folder: Folder) -> dict[str, FileEnd]:
    """The ends of all row files that are there; call it under the lock, where nothing is acknowledged yet."""
    streams = [path / DATA for kind in ("metrics", "tracks") for path in folder.streams(kind)]
    histories = [folder.path / folder.rows(kind) for kind in ("logs", "params", "runs")]
    ends = {folder.relative(path): whole_lines(path) for path in chain(streams, histories) if path.exists()}
    file = read_json(folder.parameters)
    if folder.rows("params") not in ends and file is not None and isinstance(file.get("data"), dict):
        rows = params.lines_of([(time.time(), file["data"])])
        ends[folder.rows("params")] = _begin(folder, "params", rows)
    said = list(_said(folder))
    if folder.rows("runs") not in ends and said:
        ends[folder.rows("runs")] = _begin(folder, "runs", runs.lines_of(NOBODY, 0, said))
    return ends


def _begin(folder: Folder, kind: str, rows: Iterator[tuple[float, Any]]) -> FileEnd:
    time_of = params.time_of if kind == "params" else runs.time_of
    return RowFile(folder.path / folder.rows(kind), time_of).append(FileEnd(), list(pieces_of(0, rows)))


def _said(folder: Folder) -> Iterator[RunEvent]:
    """What the JSON files say of the experiment and its streams."""
    now = time.time()
    experiment = read_json(folder.experiment) or {}
    if any(experiment.get(part) for part in runs.PARTS):
        yield Describe(now, **_parts(experiment))
    for kind in ("metrics", "tracks"):
        for path in folder.streams(kind):
            file = read_json(path / METADATA) or {}
            if any(file.get(part) for part in runs.PARTS):
                name = stream_name(folder, kind, path)
                yield Describe(now, kind=kind, name=name, **_parts(file))


def stream_name(folder: Folder, kind: str, path: Path) -> str | None:
    """The name of a metric or track whose folder is `path`: where that was too short, its metadata.json has it."""
    below = path.relative_to(folder.path / kind).as_posix()
    try:
        return name_of_folder(kind, below)
    except LookupError:
        file = read_json(path / METADATA) or {}
        return str(file.get("name" if kind == "metrics" else "topic", below))


def _parts(file: dict[str, Any]) -> dict[str, Any]:
    tags = file.get("tags")
    return {
        **{part: file[part] for part in ("description", "readme") if isinstance(file.get(part), str)},
        **({"tags": [str(tag) for tag in tags]} if isinstance(tags, list) else {}),
        **({"metadata": file["metadata"]} if isinstance(file.get("metadata"), dict) else {}),
    }
