"""Folders of event files → runs.

A folder that has event files is a run, but for those that a writer makes below its own: what `add_hparams` makes, what
`add_scalars` makes for each of its values, and the `train` and `validation` of Keras. These are parts of the run above.
Several files of one folder are restarts, each a part, in the order of the times in their names.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mldash.importers.events import FoundRun

from .event_file import EventFile, first_values
from .summaries import Value

_PARTS: Final = frozenset(("train", "validation", "val", "valid", "eval", "test"))
_STAMP: Final = re.compile(r"tfevents\.(\d+)")


def runs_of(root: Path, files: Iterable[Path]) -> Iterator[FoundRun]:
    """The runs of all event files below `root`, in the order of their paths."""
    folders: dict[Path, list[Path]] = {}
    for file in files:
        folders.setdefault(file.parent, []).append(file)
    runs: dict[Path, list[EventFile]] = {}
    for folder in sorted(folders):
        for file in folders[folder]:
            run, part = _part(root, file, folders.keys())
            runs.setdefault(run, []).append(part)
    for folder, parts in runs.items():
        within = folder.relative_to(root)
        whole = root.resolve()
        names = within.parts or (whole.name or "run",)
        project = whole.name if within.parts else whole.parent.name
        parts.sort(key=lambda part: (_stamp(part.path), part.id))
        yield FoundRun("tensorboard", "/".join(names), project or "tensorboard", names, folder, parts)


def _part(root: Path, file: Path, folders: Iterable[Path]) -> tuple[Path, EventFile]:
    """The folder of its run, and the file as a part of it."""
    folder = file.parent
    above = next((one for one in folder.parents if one in folders and one.is_relative_to(root)), None)
    if folder != root and above is not None:
        within = folder.relative_to(above)
        found = first_values(file)
        field = _field_of_scalars("/".join(within.parts), found)
        if field is not None or any(one.kind == "hparams" for one in found):
            return above, EventFile(file, _within(above, file), field=field)
    if folder != root and folder.name in _PARTS:
        return folder.parent, EventFile(file, _within(folder.parent, file), before=folder.name)
    return folder, EventFile(file, _within(folder, file))


def _within(folder: Path, file: Path) -> str:
    return file.relative_to(folder).as_posix()


def _field_of_scalars(within: str, found: list[Value]) -> str | None:
    """Which value of `add_scalars` a folder is for: PyTorch calls it TAG_FIELD, tensorboardX TAG/FIELD."""
    tag = next((one.tag for one in found if one.kind == "scalar"), "")
    for start in (f"{tag}/", f"{tag.replace('/', '_')}_"):
        if tag and within.startswith(start) and len(within) > len(start):
            return within[len(start) :]
    return None


def _stamp(path: Path) -> int:
    found = _STAMP.search(path.name)
    return int(found[1]) if found is not None else 0
