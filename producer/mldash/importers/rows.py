"""A row of several keys → points: `train/loss` is the field `loss` of the metric `train`, as the fronts log it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mldash.wandb.one_run import HISTORY

from .events import Event, LeftOut
from .values import name_of, number, storable

_HISTOGRAM: Final = "histogram"
_HISTOGRAM_KEPT: Final = ("bins", "values", "packedBins")


class RowPoints:
    """Turns the rows of one part into points. `files`: where what is not taken lies."""

    def __init__(self, left: LeftOut, files: Path | None) -> None:
        self._left, self._files = left, files
        self._own_steps: set[str] = set()
        """Metrics whose rows have a `step` of their own."""

    def events(self, at: float, step: int | float, row: Mapping[str, Any]) -> Iterator[Event]:
        """A point a metric, with the row's step."""
        metrics: dict[str, dict[str, Any]] = {}
        for key, value in row.items():
            kept = told(key, value, self._left, self._files)
            if kept is not None or value is None:
                metric, field = place_of(key)
                metrics.setdefault(metric, {})[field] = kept
        for metric, fields in metrics.items():
            yield Event("metrics", metric, at, self.stepped(metric, fields, step))

    def stepped(self, metric: str, fields: dict[str, Any], step: int | float) -> dict[str, Any]:
        """The fields with the row's step: `_step` in a metric that has had a `step` of its own."""
        if "step" in fields:
            self._own_steps.add(metric)
        fields["_step" if metric in self._own_steps else "step"] = step
        return fields


def told(key: str, value: Any, left: LeftOut, files: Path | None = None) -> Any:
    """A value as it is stored; None for a medium, which is counted."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(key, storable_number(value))
    if not isinstance(value, dict):
        return storable(value)
    kind = value.get("_type")
    if isinstance(kind, str) and kind.rpartition(".")[2] == _HISTOGRAM:
        return storable({name: value[name] for name in _HISTOGRAM_KEPT if name in value})
    if isinstance(kind, str):
        left.count(kind, files)
        return None
    return {name_of(name): told(name, one, left, files) for name, one in value.items()}


def storable_number(value: float) -> float | int:
    """An int of any size as one of 64 bits, or as the float next to it."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return value


def place_of(key: str) -> tuple[str, str]:
    """The metric and the field of a key."""
    name, slash, field = key.rpartition("/")
    metric = name if slash and name else HISTORY
    return name_of(metric), "ts" if field == "_ts" else name_of(field or key)
