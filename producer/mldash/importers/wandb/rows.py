"""A row of wandb → points: `train/loss` is the field `loss` of the metric `train`, as `mldash.wandb` logs it."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path as FilePath
from typing import Any, Final

from mldash.events.schema import Describe
from mldash.importers.events import Event, LeftOut
from mldash.importers.protobuf import message, text
from mldash.importers.rows import RowPoints, place_of, told
from mldash.importers.values import name_of

from .records import Path, nested

_MOST_SEEN: Final = 100_000


class Rows:
    """Turns the rows of one file into points. `files`: where what is not taken lies."""

    def __init__(self, part: int, left: LeftOut, files: FilePath) -> None:
        self._part, self._left, self._files = part, left, files
        self.seen: set[Path] = set()
        """Keys that rows have had."""
        self._points = RowPoints(left, files)
        self._axes: list[tuple[str, str]] = []
        self._drawn: set[str] = set()

    def events(self, at: float, step: int, row: Sequence[tuple[Path, Any]]) -> Iterator[Event | Describe]:
        """A point a metric. Its fields stand in the order of their names: in files of newer versions they have none."""
        if len(self.seen) < _MOST_SEEN:
            self.seen.update(path for path, _ in row)
        values = nested(iter(sorted(row, key=lambda one: one[0])))
        metrics: dict[str, dict[str, Any]] = {}
        for key, value in values.items():
            told = self._told(key, value)
            if told is not None or value is None:
                metric, field = place_of(key)
                metrics.setdefault(metric, {})[field] = told
                axis = self._axis_of(key)
                if axis is not None and axis in values:
                    yield from self._draw_over(metric, metrics[metric], axis, self._told(axis, values[axis]), at)
        for metric, fields in metrics.items():
            self._points.stepped(metric, fields, step)
            if self._part:
                fields.setdefault("part", self._part)
            yield Event("metrics", metric, at, fields)

    def statistics(self, at: float, host: str, values: dict[str, Any]) -> Iterator[Event]:
        """Of the machine: a point of the metric `system/HOST`."""
        flat: dict[str, Any] = {}
        for key, value in sorted(values.items()):
            below = value if isinstance(value, dict) else {"": value}
            for name, one in below.items():
                if isinstance(one, (int, float)):
                    flat[name_of(f"{key}.{name}" if name else key)] = float(one)
        if flat:
            yield Event("metrics", name_of(f"system/{host or 'unknown'}"), at, flat)

    def define(self, data: bytes) -> Sequence[Event]:
        """`define_metric`: keys that are drawn over another one."""
        found = message(data)
        pattern, axis = text(found.get(1)) or text(found.get(2)), text(found.get(4))
        if pattern and axis and axis != "_step":
            self._axes.insert(0, (pattern, axis))
        return ()

    def _axis_of(self, key: str) -> str | None:
        return next((axis for pattern, axis in self._axes if axis != key and fnmatchcase(key, pattern)), None)

    def _draw_over(self, metric: str, fields: dict[str, Any], axis: str, value: Any, at: float) -> Iterator[Describe]:
        its_metric, field = place_of(axis)
        name = field if its_metric == metric else name_of(axis)
        fields[name] = value
        if metric not in self._drawn:
            self._drawn.add(metric)
            yield Describe(at, kind="metrics", name=metric, metadata={"x": name})

    def _told(self, key: str, value: Any) -> Any:
        """As it is stored; None of what is not taken."""
        return told(key, value, self._left, self._files)


def summary_point(values: dict[Path, Any], left: LeftOut) -> dict[str, Any]:
    """What was set by hand, as fields of one point."""
    found = {name_of(key): told(key, value, left) for key, value in nested(iter(sorted(values.items()))).items()}
    found = {key: value for key, value in found.items() if value is not None}
    return {("ts" if key == "_ts" else key): value for key, value in found.items()}
