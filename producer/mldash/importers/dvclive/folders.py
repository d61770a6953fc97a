"""Folders of DVCLive → runs.

FOLDER/plots/metrics/KEY.tsv   a part a metric
FOLDER/params.yaml             parameters, as they are at the time
FOLDER/metrics.json            the last value of each metric: of those that have no file, a point at the end
FOLDER/plots, artifacts        the rest is not taken

A run has neither id nor name: it is its folder, as for event files.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from mldash.events.merging import leaves
from mldash.events.schema import Describe, End, Start
from mldash.importers.events import Event, FoundRun, LeftOut, Part, Progress, RunEvent, Torn
from mldash.importers.quiet import is_quiet
from mldash.importers.rows import storable_number
from mldash.importers.told import Told
from mldash.importers.values import name_of, number, parameters, storable
from mldash.importers.yaml import NotRead, parsed

from .series import Series

_MOST_BYTES: Final = 64 * 1024 * 1024
_NUMBERS: Final = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
_NOT_TAKEN: Final = {"plots/images": "image", "plots/custom": "plot", "plots/sklearn": "plot", "artifacts": "artifact"}
_decode = msgspec.json.Decoder().decode


def runs_of(root: Path, files: Iterable[Path]) -> Iterator[FoundRun]:
    """The runs whose series these are. Raises OSError."""
    runs: dict[Path, list[Series]] = {}
    for file in files:
        folder = folder_of(file)
        if folder is not None:
            key = file.relative_to(folder / "plots" / "metrics").as_posix().removesuffix(".tsv")
            runs.setdefault(folder, []).append(Series(file, key))
    whole = root.resolve()
    for folder, series in runs.items():
        is_below = folder.is_relative_to(root)
        names = (folder.relative_to(root).parts if is_below else ()) or (folder.resolve().name or "run",)
        project = whole.name if is_below and folder != root else folder.resolve().parent.name
        yield FoundRun("dvclive", "/".join(names), project or "dvclive", names, folder, [*_parts(folder, series)])


def folder_of(file: Path) -> Path | None:
    """That of the run whose series a file is; None where it lies in none."""
    for above in file.parents:
        if above.name == "metrics" and above.parent.name == "plots":
            return above.parent.parent
    return None


def _parts(folder: Path, series: list[Series]) -> Iterator[Part]:
    run = _Run(folder, series)
    yield run
    yield from series
    if run.params:
        yield Told("params", storable(run.params), partial(run.parameters))
    if run.summary and run.is_quiet:
        yield Told("summary", storable(run.summary), partial(run.summarised))


class _Run:
    """The part of the run itself."""

    id, size_bytes = "run", 0

    def __init__(self, folder: Path, series: list[Series]) -> None:
        self._folder = folder
        self._torn: list[Torn] = []
        self.params = self._mapping("params.yaml")
        known = {one.key.replace("/", ".") for one in series}
        said = self._mapping("metrics.json")
        self.summary = {key: value for key, value in leaves(said) if key not in known}
        self.summary.pop("step", None)
        files = [one.path for one in series] + [folder / name for name in ("params.yaml", "metrics.json")]
        written = [file.stat().st_mtime for file in files if file.is_file()]
        self._begun, self._touched = min(written), max(written)

    @property
    def is_quiet(self) -> bool:
        """Nobody has written to its files for an hour."""
        return is_quiet(self._touched)

    def events(self, left: LeftOut, progress: Progress) -> Iterator[Event | RunEvent]:
        left.torn += self._torn
        for below, kind in _NOT_TAKEN.items():
            for file in sorted((self._folder / below).rglob("*")):
                if file.is_file():
                    left.count(kind, self._folder / below)
        yield Start(self._begun)
        yield Describe(self._begun, metadata={"imported_from": "dvclive", "status_unknown": True})
        if self.is_quiet:
            yield End(self._touched, "COMPLETED")

    def parameters(self, left: LeftOut) -> Event | None:
        flat = parameters(self.params, left)
        return Event("params", "", self._begun, flat) if flat else None

    def summarised(self, left: LeftOut) -> Event:
        """What was set by hand, or was not to be drawn."""
        fields = {name_of(key): _told(key, value) for key, value in self.summary.items()}
        return Event("metrics", "summary", self._touched, fields)

    def _mapping(self, name: str) -> dict[str, Any]:
        """What a file says; {} where it says nothing, or can't be read, which is told."""
        path = self._folder / name
        if not path.is_file():
            return {}
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
        try:
            found = parsed(data.decode()) if name.endswith(".yaml") else _decode(data)
        except NotRead as error:
            at = sum(map(len, data.splitlines(keepends=True)[: error.line - 1]))
            self._torn.append(Torn(path, at, len(data) - at, str(error), True))
            return {}
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            self._torn.append(Torn(path, 0, len(data), "it is not what DVCLive writes", True))
            return {}
        return found if isinstance(found, dict) else {}


def _told(key: str, value: Any) -> Any:
    if isinstance(value, str):
        value = _NUMBERS.get(value, value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number(key, storable_number(value)) if is_number else storable(value)
