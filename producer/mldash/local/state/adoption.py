"""Files that came without their .state: copied, kept in git, written by another program.

Before anything is appended their whole lines are acknowledged, and what only stands in a JSON file (parameters,
descriptions) goes into the histories, so that later files keep it.
"""

import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import msgspec

from mldash.events.encoding import exact_to_json
from mldash.events.identity import Prefix
from mldash.events.schema import Describe
from mldash.local import params, runs
from mldash.local.blocks import RunEvent
from mldash.local.folder import DATA, METADATA, Folder, name_of_folder
from mldash.local.json_file import read_json
from mldash.local.row_file import RowFile
from mldash.local.row_index import whole_lines
from mldash.local.row_text import pieces_of

from .acknowledged import FileEnd
from .sources import SourceFile, Span, adopted_session


def adopt(folder: Folder, prefix: Prefix) -> dict[str, FileEnd]:
    """The ends of all row files that are there; call it under the lock, where nothing is acknowledged yet."""
    streams = [path / DATA for kind in ("metrics", "tracks") for path in folder.streams(kind)]
    histories = [folder.path / folder.rows(kind) for kind in ("logs", "params", "runs")]
    ends = {folder.relative(path): whole_lines(path) for path in chain(streams, histories) if path.exists()}
    for file, end in ends.items():
        if end.rows and file != folder.rows("runs"):
            _name_rows(folder.path / file, session_of_rows(folder, prefix, file), end.rows)
    held = held_params(folder)
    if folder.rows("params") not in ends and held is not None:
        ends[folder.rows("params")] = _begin(folder, "params", params.lines_of([(time.time(), held)]))
        _name_rows(folder.path / folder.rows("params"), session_of_params(prefix, held), 1)
    said = list(held_descriptions(folder, time.time()))
    if folder.rows("runs") not in ends and said:
        lines = runs.lines_of(session_of_descriptions(prefix, said), 0, said)
        ends[folder.rows("runs")] = _begin(folder, "runs", lines)
    return ends


def session_of_rows(folder: Folder, prefix: Prefix, file: str) -> bytes:
    """The session of the rows of a file that another program has written: after its first line and, for a track,
    whose first lines are often alike, after the time when it was made."""
    with (folder.path / file).open("rb") as rows:
        first = rows.readline()
    beside = read_json((folder.path / file).with_name(METADATA)) or {}
    made = str(beside.get("createdAt", "")) if file.startswith("tracks/") else ""
    return adopted_session(prefix.text, file, first + made.encode())


def session_of_params(prefix: Prefix, held: dict[str, Any]) -> bytes:
    """The session of parameters that only stand in parameters.json: another one when they have changed."""
    return adopted_session(prefix.text, "params", _content(held))


def session_of_descriptions(prefix: Prefix, said: list[RunEvent]) -> bytes:
    """The session of what only JSON files say of the experiment and its streams."""
    untimed = [msgspec.to_builtins(msgspec.structs.replace(event, time=0.0), builtin_types=(bytes,)) for event in said]
    return adopted_session(prefix.text, "runs", _content(untimed))


def held_params(folder: Folder) -> dict[str, Any] | None:
    """The parameters in parameters.json; None where there are none."""
    held = (read_json(folder.parameters) or {}).get("data")
    return held if isinstance(held, dict) and held else None


def _content(value: Any) -> bytes:
    return msgspec.json.encode(exact_to_json(value), order="sorted")


def _name_rows(path: Path, session: bytes, rows: int) -> None:
    SourceFile(path).append(0, [Span(session, 0, rows)])


def _begin(folder: Folder, kind: str, rows: Iterator[tuple[float, Any]]) -> FileEnd:
    time_of = params.time_of if kind == "params" else runs.time_of
    return RowFile(folder.path / folder.rows(kind), time_of).append(FileEnd(), list(pieces_of(0, rows)))


def held_descriptions(folder: Folder, now: float) -> Iterator[RunEvent]:
    """The descriptions in the JSON files, of the experiment and its streams, as if given now."""
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
        file = read_json(path / METADATA, folder.open_file) or {}
        return str(file.get("name" if kind == "metrics" else "topic", below))


def _parts(file: dict[str, Any]) -> dict[str, Any]:
    tags = file.get("tags")
    return {
        **{part: file[part] for part in ("description", "readme") if isinstance(file.get(part), str)},
        **({"tags": [str(tag) for tag in tags]} if isinstance(tags, list) else {}),
        **({"metadata": file["metadata"]} if isinstance(file.get("metadata"), dict) else {}),
    }
