"""Calls of a TensorBoard writer → points, lines and parameters of an experiment.

Scalars of one metric (the tag before its last slash) and one step are one point, which is written when the next step
comes, at `flush` and at `close`. Each metric counts its own steps: `val/loss` over epochs does not close `train/loss`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from mldash.experiment import Experiment
from mldash.process.locks import reentrant_lock
from mldash.session.process_end import see_child_end

from .lenient import storable_value
from .points import Points
from .rows import Rows
from .unkept import Unkept


class Board:
    """What one writer, or all patched ones of a run, have logged. Thread-safe; it never raises for a value."""

    def __init__(self, experiment: Experiment, points: Points, unkept: Unkept) -> None:
        self.unkept = unkept
        self._experiment, self._points = experiment, points
        self._rows: dict[str, Rows] = {}
        self._lock = reentrant_lock()

    def scalars(self, values: Mapping[str, Any], step: Any = None) -> None:
        """Values of tags at one step; without one each call is a point without a step."""
        with self._lock:
            for tag, value in values.items():
                # Now, for the row may be written after the script has changed an array in place.
                stored = storable_value(value, str(tag), self.unkept)
                self._points.guarded(f"the step of {tag!r:.120}", partial(self._scalar, str(tag), stored, step))

    def text(self, tag: str, text: Any, step: Any = None) -> None:
        """A line of the log, with tag and step as metadata."""
        self._points.guarded("a text", lambda: self._experiment.logs.take("info", str(text), _about(tag, step)))

    def hyperparameters(self, values: Mapping[str, Any], metrics: Mapping[str, Any] | None, step: Any = None) -> None:
        """Parameters, and the metrics that came of them."""
        self._points.guarded("hyperparameters", lambda: self._experiment.params.set(dict(values)))
        self.scalars(metrics or {}, step)

    def close(self) -> None:
        """Write what is open."""
        with self._lock:
            for rows in self._rows.values():
                for row in rows.close():
                    self._points.write(row.step, row.data)

    def _scalar(self, tag: str, value: Any, step: Any) -> None:
        if step is None:
            self._points.write(None, {tag: value})
            return
        metric = tag.rpartition("/")[0]
        rows = self._rows.get(metric)
        if rows is None:
            rows = self._rows[metric] = Rows(keeps_repeats=True)
        for row in rows.take({tag: value}, _whole(step), commit=False):
            self._points.write(row.step, row.data)
        see_child_end()


def _about(tag: str, step: Any) -> dict[str, Any]:
    return {"tag": str(tag)} if step is None else {"tag": str(tag), "step": _whole(step)}


def _whole(step: Any) -> int:
    """Of a tensor, of NumPy, of a float that a schedule gives."""
    return int(step)
