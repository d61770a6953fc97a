"""`mlruns`: a folder a run, a file a metric, a line a point. Points come key by key, in the order of their lines.

mlruns/EXPERIMENT/meta.yaml
mlruns/EXPERIMENT/RUN/meta.yaml, params/KEY, tags/KEY, metrics/KEY
a line: milliseconds, value, step (missing in versions before 1.0), and what is not asked for here
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mldash.importers.events import FoundRun, LeftOut, Torn

from .runs import Facts, Point, run_of

_TRASH: Final = ".trash"
_STATUSES: Final = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}
_MOST_BYTES: Final = 1024 * 1024
"""Of a file of a parameter or a tag."""
_LINE: Final = re.compile(r"([A-Za-z_]+):(?: (.*))?")
_ESCAPE: Final = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)")
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "e": "\x1b", "N": "\x85", "_": "\xa0"}


def is_run(head: bytes) -> bool:
    """Whether a meta.yaml that begins so is a run's."""
    return b"lifecycle_stage:" in head and (b"\nrun_id:" in head or b"\nrun_uuid:" in head)


def runs_of(files: Iterable[Path], skipped: dict[str, int]) -> Iterator[FoundRun]:
    """The runs whose meta.yaml these are. Deleted ones are counted in `skipped`. Raises OSError."""
    experiments: dict[Path, dict[str, str]] = {}
    for file in files:
        folder = file.parent
        above = folder.parent
        if above not in experiments:
            experiments[above] = _yaml(above / "meta.yaml") if (above / "meta.yaml").is_file() else {}
        said, experiment = _yaml(file), experiments[above]
        stages = (said.get("lifecycle_stage"), experiment.get("lifecycle_stage"))
        if "deleted" in stages or _TRASH in folder.parts:
            skipped["deleted run"] = skipped.get("deleted run", 0) + 1
            continue
        facts = _facts(folder, said, experiment)
        metrics = _MetricFiles(folder / "metrics")
        yield run_of(facts, folder, metrics.points, metrics.size_bytes)


def _facts(folder: Path, said: dict[str, str], experiment: dict[str, str]) -> Facts:
    status = said.get("status", "")
    return Facts(
        id=said.get("run_id") or said.get("run_uuid") or folder.name,
        name=said.get("run_name") or said.get("name") or "",
        experiment=experiment.get("name") or folder.parent.name,
        user=said.get("user_id", ""),
        status=_STATUSES.get(int(status), "") if status.isdecimal() else status,
        start=_whole(said.get("start_time")) or 0,
        end=_whole(said.get("end_time")),
        params=dict(_texts(folder / "params")),
        tags=dict(_texts(folder / "tags")),
    )


class _MetricFiles:
    """The points of a run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = [*_files(folder)]

    @property
    def size_bytes(self) -> int:
        return sum(file.stat().st_size for file in self._files)

    def points(self, left: LeftOut) -> Iterator[Point]:
        """Of each key up to its first line that is none, of which `left` is told. Raises OSError."""
        for file in self._files:
            yield from _points(file, file.relative_to(self._folder).as_posix(), left)


def _points(file: Path, key: str, left: LeftOut) -> Iterator[Point]:
    at, size = 0, file.stat().st_size
    with file.open("rb") as lines:
        for line in lines:
            if at >= size:
                return
            if not line.endswith(b"\n"):
                left.torn.append(Torn(file, at, size - at, "a line is not finished", False))
                return
            if line.strip():
                try:
                    time, value, *rest = line.split()
                    yield Point(key, float(value), float(int(time)), float(rest[0]) if rest else 0.0, len(line))
                except (ValueError, OverflowError):
                    left.torn.append(Torn(file, at, size - at, "a line is no point", True))
                    return
            at += len(line)


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for file in _files(folder):
        with file.open("rb") as opened:
            yield file.relative_to(folder).as_posix(), opened.read(_MOST_BYTES).decode(errors="replace")


def _files(folder: Path) -> Iterator[Path]:
    """Keys with a slash are files in folders."""
    if folder.is_dir():
        yield from sorted(path for path in folder.rglob("*") if path.is_file())


def _yaml(file: Path) -> dict[str, str]:
    """The texts of a flat mapping, as mlflow writes it; null is absent. Long texts go on in lines that begin with a
    blank."""
    joined: list[str] = []
    with file.open("rb") as opened:
        for line in opened.read(_MOST_BYTES).decode(errors="replace").splitlines():
            if line.startswith(" ") and joined:
                joined[-1] = f"{joined[-1].removesuffix(chr(92))} {line.strip()}"
            else:
                joined.append(line)
    found = {}
    for line in joined:
        pair = _LINE.fullmatch(line.rstrip())
        if pair is not None and pair[2] not in (None, "null", "~"):
            found[pair[1]] = _scalar(pair[2])
    return found


def _scalar(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    if len(value) > 1 and value[0] == value[-1] == '"':
        return _ESCAPE.sub(_unescaped, value[1:-1])
    return value


def _unescaped(found: re.Match[str]) -> str:
    said = found[1]
    if len(said) > 1:
        code = int(said[1:], 16)
        return chr(code) if code <= 0x10FFFF else "?"
    return _ESCAPED.get(said, said)


def _whole(value: str | None) -> int | None:
    return int(value) if value is not None and re.fullmatch(r"-?\d{1,15}", value) else None
