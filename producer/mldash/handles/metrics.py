"""`experiment.metrics`: all metrics of an experiment, by their names, and the unnamed one."""

from collections.abc import Iterable, Mapping
from datetime import date
from time import time
from typing import Any

from mldash.answers.asked import checked_wait
from mldash.answers.shapes import MetricSummary

from .handle import Owner, checked_name
from .metric import Metric
from .summaries import checked_aggregations
from .values import plain_fields

_Summaries = list[MetricSummary]  # below, `list` is a method


class MetricsBuffer:
    """`metrics.buffer`: what `metrics(name).buffer(…)` has gathered, over all metrics of the experiment."""

    __slots__ = ("_metrics",)

    def __init__(self, metrics: "Metrics") -> None:
        self._metrics = metrics

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._metrics, "buffer")

    def __call__(self, /, **numbers: Any) -> "MetricsBuffer":
        """Keep one number a key for the unnamed metric."""
        self._metrics(None).buffer(**numbers)
        return self

    def log_summary(self, *aggregations: str, **extra: Any) -> None:
        """Log one point a metric with fields `key.aggregation` and the extras; then nothing is gathered any more.

        Aggregations: mean (default), std, min, max, count, median, sum, p50, p90, p95, p99, first, last.
        Raises ValueError "Unsupported aggregation: …", RuntimeError outside an open run; then what is gathered stays.
        """
        names = checked_aggregations(aggregations)
        self._metrics._experiment._writer()
        plain_fields(extra)
        for metric in self._metrics._all():
            metric._log_summary(names, extra)

    def peek(self, name: str | None = None, *keys: str, limit: int = 5) -> dict[str, list[float]]:
        """The newest `limit` numbers of these keys of one metric (None: the unnamed one), or of all its keys."""
        return self._metrics(name)._buffered.peek(keys, limit)


class Metrics:
    """`experiment.metrics`: call it with a name for a handle, `log` without a name for the unnamed metric."""

    __slots__ = ("_experiment", "_handles", "buffer")

    def __init__(self, experiment: Owner) -> None:
        self._experiment = experiment
        self._handles: dict[str | None, Metric] = {}
        self.buffer = MetricsBuffer(self)

    def __call__(
        self,
        name: str | None,
        description: str | None = None,
        tags: Iterable[str] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> Metric:
        """The handle of one metric: the same object each time. None is the unnamed metric.

        Any text is a name, up to 1 KiB and without lone surrogates. What is said of the metric is recorded in an open
        run at once, else with its first point; a part that is left out stays as it was.
        Raises ValueError for a name or a description that is none.
        """
        handle = self._handles.get(name)
        if handle is None:
            made = Metric(self._experiment, None if name is None else checked_name("metric", name))
            handle = self._handles.setdefault(name, made)
        if description is not None or tags is not None or metadata is not None:
            handle._describe(description, tags, metadata)
        return handle

    def log(self, /, *, _ts: float | date | None = None, **fields: Any) -> "Metrics":
        """Log to the unnamed metric; a field that is a dict goes to the metric of its name, with all other fields.

        `metrics.log(epoch=1, train={"loss": 0.1})` logs {epoch} to the unnamed metric and {epoch, loss} to "train".
        Where the dict has a field of the same name as another one, the dict's counts. Returns `experiment.metrics`.
        Raises as `metrics(name).log` does; then none of the points is written.
        """
        if not any(isinstance(value, Mapping) for value in fields.values()):
            self(None).log(_ts=_ts, **fields)
            return self
        self._experiment._writer()
        shared = plain_fields({name: value for name, value in fields.items() if not isinstance(value, Mapping)})
        named = {name: value for name, value in fields.items() if isinstance(value, Mapping)}
        points = {self(name): {**shared, **plain_fields(own)} for name, own in named.items()}
        if _ts is not None:
            _ts = self._experiment._timestamps.given(_ts, time())
        if shared:
            self(None).log(_ts=_ts, **shared)
        for metric, point in points.items():
            metric.log(**{"_ts": _ts, **point})
        return self

    def flush(self, timeout: float | None = None) -> "Metrics":
        """As `experiment.flush(timeout)`. Raises TimeoutError. Returns `experiment.metrics`."""
        self._experiment.flush(timeout)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return getattr, (self._experiment, "metrics")

    def list(self, *, wait: float | None = None) -> _Summaries:
        """One entry a metric: metricId, name, description, tags, totalDataPoints, createdAt. Raises NotYetStored."""
        return self._experiment._reader().metrics(checked_wait(wait))

    def _all(self) -> tuple[Metric, ...]:
        return tuple(self._handles.values())

    def _settle(self) -> None:
        """At the end of a run, while it is still open: what has been gathered and not yet logged is summarised."""
        for metric in self._all():
            metric._settle()
