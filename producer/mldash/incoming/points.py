"""Rows of keys → points of metrics: `train/loss` is the field `loss` of the metric `train`, so that fields of one row
that belong together are one point. The row's number is the field `step` of each, or `_step` where rows of that metric
have a `step` of their own: from the first such row on, so that no field has two meanings.
"""

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from mldash.callbacks import warn
from mldash.experiment import Experiment
from mldash.handles.metric import Metric

from .lenient import PLAIN_TYPES, storable, without_large
from .unkept import Unkept

_MOST_PLANS = 1_000
"""Sets of keys of which it is remembered how they are written; beyond it starts anew."""


class _Part(Struct, frozen=True):
    """The fields of one metric. `whole`: their names, where they are all keys of the row in their order."""

    metric: Metric
    fields: tuple[tuple[str, str], ...]
    step_field: str
    whole: tuple[str, ...] | None


class Points:
    """Writes rows into one experiment. Thread-safe as far as its handles are; it never raises for a value."""

    def __init__(self, experiment: Experiment, unkept: Unkept, rest: str | None) -> None:
        """`rest`: the metric of keys without a slash."""
        self._experiment, self._unkept, self._rest = experiment, unkept, rest
        self._plans: dict[tuple[str, ...], tuple[_Part, ...]] = {}
        self._axes: list[tuple[str, str]] = []
        self._last_axes: dict[str, Any] = {}
        self._own: dict[str | None, set[str]] = {}
        """Of each metric the fields that rows have had themselves, and that a step or an axis would have taken."""
        self._said: set[str] = set()

    def draw_over(self, pattern: str, axis: str) -> None:
        """Keys that the pattern fits are drawn over the values of the key `axis`, which becomes a field of their points
        and, as `x`, metadata of their metric."""
        if axis == "_step":  # the row's number, which they hold already
            return
        self._axes.insert(0, (pattern, axis))  # what is said last counts
        self._plans.clear()

    def write(self, step: int | None, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """One point a metric; without a number where `step` is None. Returns the row as it is stored."""
        values = row
        if not PLAIN_TYPES.issuperset(map(type, row.values())):
            values = storable(row, self._unkept)
        parts = self._plans.get(tuple(values))
        for part in self._planned(tuple(values)) if parts is None else parts:
            # Not by Metric.log kept here: a handle makes itself a faster one (handles/point_calls.py).
            if part.whole is not None:
                fields = dict(zip(part.whole, values.values(), strict=True))
            else:
                held = {**self._last_axes, **values} if self._axes else values
                fields = {field: held[key] for key, field in part.fields if key in held}
            if step is not None:
                fields[part.step_field] = step
            try:
                part.metric.log(**fields)
            except Exception as error:
                self._once_more(part, fields, row, error)
        if self._axes:
            self._last_axes |= {axis: values[axis] for _, axis in self._axes if axis in values}
        return values

    def write_one(self, metric: str, fields: Mapping[Any, Any]) -> None:
        """One point of one metric, whose fields have these names as they are."""
        named = {"ts" if name == "_ts" else str(name): value for name, value in fields.items()}
        told = storable(named, self._unkept)
        part = _Part(self._experiment.metrics(metric), (), "step", None)
        try:
            part.metric.log(**told)
        except Exception as error:
            self._once_more(part, told, {}, error)

    def say_unkept(self) -> None:
        """At the end: a line of the log with what was not stored, if anything was not."""
        if self._unkept.counts:
            told, counts = f"not stored: {self._unkept}", dict(self._unkept.counts)
            self.guarded("what is not stored", lambda: self._experiment.logs.warn(told, counts=counts))

    def guarded(self, what: str, call: Callable[[], object]) -> None:
        """A call that must not end a training: what it raises is a warning, once a cause."""
        try:
            call()
        except Exception as error:
            self._say_failed(what, error)

    def _say_failed(self, what: str, error: Exception) -> None:
        cause = f"{what}: {type(error).__name__}"
        if cause not in self._said and len(self._said) < _MOST_PLANS:
            self._said.add(cause)
            warn(f"{self._experiment.prefix}: {what} could not be logged, the script goes on: {error}")

    def _once_more(self, part: _Part, fields: dict[str, Any], row: Mapping[str, Any], error: Exception) -> None:
        """So that one value at fault does not take its point along."""
        what = f"a point of {part.metric.name!r:.120}"
        if isinstance(error, ValueError):  # of a value or of its size; a journal that is full is so again
            self.guarded(what, lambda: self._log_lenient(part, fields, row))
        else:
            self._say_failed(what, error)

    def _log_lenient(self, part: _Part, fields: dict[str, Any], row: Mapping[str, Any]) -> None:
        told = storable(fields, self._unkept)
        try:
            part.metric.log(**told)
        except ValueError:
            given = {field: row[key] for key, field in part.fields if key in row}
            part.metric.log(**without_large(told, given, self._unkept))

    def _planned(self, keys: tuple[str, ...]) -> tuple[_Part, ...]:
        """Nothing where a key is no name: it is said, and the row left out."""
        self.guarded("a row", lambda: self._plan(keys))
        return self._plans.get(keys, ())

    def _plan(self, keys: tuple[str, ...]) -> None:
        if len(self._plans) >= _MOST_PLANS:
            self._plans.clear()
        grouped: dict[str | None, dict[str, str]] = {}
        for key in keys:
            metric, field = self._place_of(key)
            grouped.setdefault(metric, {})[key] = field
        for metric, fields in grouped.items():
            self._note_own(metric, {*fields.values()})
            self._add_axis(metric, fields)
        self._plans[keys] = tuple(self._part(metric, fields, keys) for metric, fields in grouped.items())

    def _place_of(self, key: str) -> tuple[str | None, str]:
        """Its metric and its field. `_ts` is a time to our log(): a field of that name stands under another one."""
        name, slash, field = key.rpartition("/")
        return name if slash and name else self._rest, "ts" if field == "_ts" else field

    def _note_own(self, metric: str | None, fields: set[str]) -> None:
        """Rows of other keys have a place elsewhere from now on for what these fields mean here."""
        own = self._own.setdefault(metric, set())
        seen = fields & {"step", *(axis for _, axis in self._axes)}
        if not seen <= own:
            own |= seen
            self._plans.clear()

    def _axis_field(self, metric: str | None, axis: str) -> str:
        """Under which name points of the metric hold the axis: that of its own field, or the axis' key."""
        its_metric, field = self._place_of(axis)
        if its_metric == metric:
            return field
        return f"{its_metric}/{field}" if axis in self._own[metric] else axis

    def _add_axis(self, metric: str | None, fields: dict[str, str]) -> None:
        for key in [*fields]:
            axis = next((axis for pattern, axis in self._axes if fnmatchcase(key, pattern) and axis != key), None)
            if axis is None:
                continue
            fields.setdefault(axis, self._axis_field(metric, axis))
            self.guarded(
                "what a metric is drawn over",
                lambda x=fields[axis]: self._experiment.metrics(metric, metadata={"x": x}),  # type: ignore[misc]
            )

    def _part(self, metric: str | None, fields: dict[str, str], keys: tuple[str, ...]) -> _Part:
        names = set(fields.values())
        step_field = "_step" if "step" in names or "step" in self._own[metric] else "step"
        whole = tuple(fields.values()) if tuple(fields) == keys and len(names) == len(keys) else None
        return _Part(self._experiment.metrics(metric), tuple(fields.items()), step_field, whole)
