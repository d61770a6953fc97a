"""`experiment.metrics(name)`: a series of points, each with any fields, indexed 0, 1, 2, … in order of arrival."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import partial
from struct import Struct as Packer
from time import time
from typing import Any, Literal, cast, overload

from mldash.answers.asked import checked_count, checked_names, checked_wait
from mldash.answers.shapes import MetricPage, MetricPoint, MetricStatistics, MetricSummary, MetricView
from mldash.errors import few
from mldash.events.column_types import MAX_INT, MIN_INT
from mldash.events.moments import Moment

from .bulk_columns import TIMESTAMP, check_times, cut, is_column, pack_column, pack_columns
from .handle import Owner, StreamHandle
from .point_calls import make_log, row_types
from .summaries import Gathered, SummaryCache, summarise
from .values import plain_fields

CALLS_OF_ONE_KIND = 16
"""After so many calls that had no function of their own, one is made for the fields of the last."""

_AS_IT_IS = frozenset((bool, type(None), bytes))
_pack_time = Packer("<d").pack
_LARGE = 10_000
"""A read of more points than this is one of a table, where the mode has tables."""


class Metric(StreamHandle):
    """One metric of an experiment. It stays valid through end and start, and may be used from any thread."""

    __slots__ = ("__dict__", "_buffered", "_cache", "_calls", "_thread", "_timestamps")

    def __init__(self, experiment: Owner, name: str | None) -> None:
        super().__init__(experiment, "metrics", name)
        self._timestamps = experiment._timestamps
        self._thread = self._timestamps.thread
        self._buffered = Gathered()
        self._cache: SummaryCache | None = None
        self._calls = 0

    @property
    def name(self) -> str | None:
        """None: the unnamed metric."""
        return self._name

    def log(self, /, *, _ts: float | date | None = None, **fields: Any) -> "Metric":
        """Append one point and return the handle; the fields may be others than last time.

        A field that is not given is absent in the point, not null. `_ts` (seconds, any number but NaN, or a datetime,
        which becomes seconds: moments.py) is kept in the point as `data["_ts"]`; the integer -1 stands for the last
        timestamp that this thread used in any metric or track of the experiment. The point's `createdAt` is the time of
        this call.

        Returns when the point is in the journal: microseconds, no network.
        Raises RuntimeError outside an open run; UnsupportedValue for a value that can't be stored; ValueError for
        `_ts`, for a name above 1 KiB or a point above 15 MiB. Nothing of a call that raises is written.
        """
        # The way of any call. The same few numbers again and again, the hot path (benchmarks/sdk.py, "log"), get a
        # function of their own, which then stands before this one: see point_calls.py.
        if self._epoch != self._experiment._epoch:
            self._open()
        if not self._known.issuperset(fields):
            self._know(fields)
        for value in fields.values():
            kind = type(value)
            if kind is float or kind in _AS_IT_IS:
                continue
            if kind is int and MIN_INT <= value <= MAX_INT:
                continue
            if kind is str and value.isascii():
                continue
            fields = plain_fields(fields)
            break
        now = time()
        if _ts is None:
            self._append(now, fields)
            self._thread.last = now
            self._calls += 1
            if not self._calls % CALLS_OF_ONE_KIND:
                self._make_log_for(fields)
        else:
            fields["_ts"] = stamp = self._timestamps.given(_ts, now)
            self._append(now, fields)
            self._thread.last = float(stamp)
        return self

    def _make_log_for(self, fields: Mapping[str, Any]) -> None:
        types = row_types(fields)
        names = tuple(fields)
        writer = self._writer
        if types is None or writer is None:
            return
        rows = writer.rows(types, names)
        if rows is not None:
            generic = partial(Metric.log, self)
            self.__dict__["log"] = make_log(generic, self, rows, types, names, self._experiment, self._thread)

    def log_many(self, /, **columns: Any) -> "Metric":
        """Append one point a position of the columns: lists or arrays of one length. Returns the handle.

        No Python loop runs over the points of arrays (bulk_columns.py says which types stay as they are). `_ts` may be
        a column, or one time for all points. A long call is written in pieces; points of other threads may come
        between two of them.
        Raises as `log` does, and ValueError where columns differ in length; then nothing is written.
        """
        writer = self._open()
        now = time()
        stamp = columns.pop(TIMESTAMP, None)
        if is_column(stamp):
            columns[TIMESTAMP] = stamp
        count, packed = pack_columns(columns)
        if TIMESTAMP in packed:
            check_times(packed[TIMESTAMP])
        elif stamp is not None:
            packed[TIMESTAMP] = pack_column([self._timestamps.given(stamp, now)] * count, TIMESTAMP)
        for piece in cut(count, packed):
            writer.append_columns(_pack_time(now) * piece.count, piece.count, piece.columns)
        if count:
            self._thread.last = float(packed[TIMESTAMP].value(count - 1)) if TIMESTAMP in packed else now
        return self

    def buffer(self, /, **numbers: Any) -> "Metric":
        """Keep one number a key for `metrics.buffer.log_summary()`; nothing is logged yet. Returns the handle.

        None counts as NaN. Raises ValueError for anything but a number, RuntimeError outside an open run.
        """
        self._open()
        self._buffered.add(numbers)
        return self

    @property
    def summary_cache(self) -> SummaryCache:
        """This metric's own summary: `store`, `set`, `summarize`, `peek`."""
        cache = self._cache
        if cache is None:
            made = SummaryCache(self._log_fields, self._open)
            cache = self._cache = self._cache or made  # another thread may have been faster: one step
        return cache

    def read(self, start_index: int = 0, limit: int = 1000, *, wait: float | None = None) -> MetricPage:
        """Points start_index … start_index + limit - 1 in index order, hot and cold as one.

        `{"data": [{"index", "data", "createdAt"}], "startIndex", "endIndex", "total", "hasMore"}`: `total` counts the
        points of this answer, `endIndex` is the last one's index (start_index - 1 when there is none). An absent metric
        gives the empty answer. `wait`: seconds to wait for what this process has written (None: read_wait_s; 0: what is
        there).
        Raises ValueError (negative start or limit), NotYetStored.
        """
        first, count = checked_count(start_index, "start_index"), checked_count(limit, "limit")
        return self._experiment._reader().metric_points(self._name, first, count, checked_wait(wait))

    def iter(
        self, start_index: int = 0, end_index: int | None = None, *, wait: float | None = None
    ) -> Iterator[MetricPoint]:
        """Points start_index … end_index - 1, one by one, in constant memory; None: all that the metric has now.

        Raises as `read` does.
        """
        first = checked_count(start_index, "start_index")
        end = None if end_index is None else checked_count(end_index, "end_index")
        return self._points(first, end, checked_wait(wait))

    @overload
    def read_columns(
        self,
        start_index: int = 0,
        limit: int | None = 1000,
        *,
        fields: Sequence[str] | None = None,
        format: Literal["lists"] = "lists",
        wait: float | None = None,
    ) -> dict[str, list[Any]]: ...

    @overload
    def read_columns(
        self,
        start_index: int = 0,
        limit: int | None = 1000,
        *,
        fields: Sequence[str] | None = None,
        format: Literal["numpy", "arrow", "pandas"],
        wait: float | None = None,
    ) -> Any: ...

    def read_columns(
        self,
        start_index: int = 0,
        limit: int | None = 1000,
        *,
        fields: Sequence[str] | None = None,
        format: str = "lists",
        wait: float | None = None,
    ) -> Any:
        """Points as columns: "index", "createdAt" and one a field (`fields`: these only). `limit=None`: all points.

        `format`: "lists" is a dict of lists, None where a field is absent; "numpy" a dict of arrays, in which absent is
        NaN for numbers and None otherwise; "arrow" a pyarrow.Table; "pandas" a DataFrame with the index as its index.
        In all but "lists" createdAt is a time (UTC, microseconds), and a field without any value has no column. A
        user's field named "index" or "createdAt" is the column "_index" or "_createdAt". Remotely a read of many points
        comes as Arrow where pyarrow is installed, a hundred times as fast as lists; the type of a column is then that
        of all values around the range too: what is whole in it may be a float.
        Raises as `read` does; ValueError for another format; PackageMissing (an ImportError).
        """
        start_index = checked_count(start_index, "start_index")
        limit = None if limit is None else checked_count(limit, "limit")
        wanted, wait = checked_names(fields, "fields"), checked_wait(wait)
        # Here and not at the head: a training script that only writes does not wait for it at its start.
        from mldash.answers.columns import check_format, columns_of_points, columns_of_table

        check_format(format)
        if format != "lists" and (limit is None or limit > _LARGE):
            table = self._experiment._reader().metric_table(self._name, start_index, limit, wanted, wait)
            if table is not None:
                return columns_of_table(table, format)
        end = None if limit is None else start_index + limit
        return columns_of_points(self._points(start_index, end, wait, wanted), wanted, format)

    def view(
        self,
        fields: str | Sequence[str] | None = None,
        x: str = "index",
        start: Moment | None = None,
        end: Moment | None = None,
        points: int = 1000,
        *,
        filter: str | Sequence[str] | None = None,
        expression: str | Sequence[str] | None = None,
        wait: float | None = None,
    ) -> MetricView:
        """The data of a chart of `points` pixels: of each pixel column and field the first, the last, the least and the
        greatest value, as they were logged, so that spikes stay visible (answers/downsample.py).

        `{"x", "start", "end", "totalPoints", "sampled", "edges", "spans", "fields": {name: {"x": […], "y": […]}}}`,
        each series in the order of x. `totalPoints`: of how many points it was made. `sampled` False: all of them are
        in it, which is so up to 4 · points; else `edges` says where the pixel columns begin and end.
        `fields`: one name or several; None: the first 256 that have numbers, but not x and `_ts`. `x`: "index"; "time",
        which is `_ts` where it was given, else the time of the call, in seconds; or a field, of whose values the finite
        numbers count. `start` and `end` are inclusive, in units of x; of "time" datetimes and ISO 8601 too
        (moments.py). NaN is not drawn.
        `filter`: "loss < 0.5", or several that all have to hold, of the points drawn (answers/filters.py). With it, or
        where x is a field, a remote view is made of a million points at most, and says so by `sampled`.
        `expression`: "log10(loss)", or several, of the fields of the metric (docs/query.md, Expressions), drawn beside
        `fields`, or alone where there are none: `"expressions"` has them by their texts, as `"fields"` has fields.
        Locally NumPy is needed for it.
        In a notebook the answer shows itself as charts (pictures/drawn_view.py); it is a plain dict otherwise.
        An absent metric or field gives an empty view. Raises ValueError (points not between 1 and 100,000, a bound that
        is not a number, a filter that can't be read; an expression that can't, locally: an API refuses it, with
        RequestRefused), PackageMissing, NotYetStored.
        """
        from mldash.answers.view_request import checked_request
        from mldash.pictures.drawn_view import DrawnView
        from mldash.pictures.notebook import page_address

        request, owner = checked_request(fields, x, start, end, points, filter, expression), self._experiment
        found = owner._reader().metric_view(self._name, request, checked_wait(wait))
        return cast(MetricView, DrawnView(found, owner.prefix, self._name, page_address(owner.settings, owner.prefix)))

    def stats(self, *, wait: float | None = None) -> MetricStatistics:
        """Counts, times and, in `fields`, {count, min, max, mean, last, first} of each numeric field.

        Raises KeyError that names the metrics there are where this one is absent; NotYetStored.
        """
        reader = self._experiment._reader()
        found = reader.metric_statistics(self._name, checked_wait(wait))
        if found is None:
            names = few(f"{one['name']!r:.80}" for one in reader.metrics(wait)) or "none"
            raise KeyError(f"no metric {self._name!r} in {self._experiment.prefix}; there are: {names}")
        return found

    def list_all(self, *, wait: float | None = None) -> list[MetricSummary]:
        """All metrics of the experiment, as `metrics.list()`."""
        return self._experiment._reader().metrics(checked_wait(wait))

    def _points(
        self, start: int, end: int | None, wait: float | None, fields: Sequence[str] | None = None
    ) -> Iterator[MetricPoint]:
        if end is not None and end <= start:
            return
        for page in self._experiment._reader().metric_pages(self._name, start, wait, fields):
            for point in page["data"]:
                if end is not None and point["index"] >= end:
                    return
                yield point
            if end is not None and page["endIndex"] + 1 >= end:
                return

    def _log_fields(self, fields: dict[str, Any]) -> None:
        """Fields of any name, `_ts` among them."""
        self.log(**fields)

    def _settle(self) -> None:
        """At the end of a run: summarise what has been gathered and not yet logged."""
        self._log_summary(("mean",), {})
        if self._cache is not None:
            self._cache.settle()

    def _log_summary(self, aggregations: Sequence[str], extra: Mapping[str, Any]) -> None:
        gathered = self._buffered.take()
        try:
            fields = {**summarise(gathered, aggregations), **extra} if gathered else {}
            if fields:
                self._log_fields(fields)
        except BaseException:  # a full journal, Ctrl-C
            self._buffered.give_back(gathered)
            raise
