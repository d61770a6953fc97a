"""Answers from the query API (mode.Reader), with what this process wrote.

A read first hands everything to Kafka, then tells the API how many events of which streams this process has written,
and the API answers once these are stored. `wait` bounds both together; 0 asks for what is there.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from math import inf, nextafter
from time import monotonic
from typing import Any, Final, TypeVar

from mldash.answers.downsample import ViewRequest, empty_view
from mldash.answers.limits import MOST_NAMES, PAGE_POINTS
from mldash.answers.resample import TOO_MANY
from mldash.answers.shapes import (
    EntriesAnswer,
    ExperimentAnswer,
    LogLine,
    MetricPage,
    MetricStatistics,
    MetricSummary,
    MetricView,
    SessionAnswer,
    TrackSummary,
)
from mldash.errors import EventsRefused, MldashError, NotYetStored
from mldash.process.clock import Deadline

from .own_writes import ALL, About, OwnWrites, Told, first_of, headers_of, told_of
from .queries import ARROW, metric_query, view_query
from .transport import FileBrokeOff, Problem, Query, Transport

PAGE_ENTRIES: Final = 50_000
MOST_TIMES: Final = 200
"""Of one request: each stands in its address."""
_LONGEST_WAIT_S: Final = 86_400.0
"""No socket takes an endless one."""
_MOST_NAMES_LENGTH: Final = 4_000
"""Characters of names in one address: each may be twelve bytes there."""
AnswerT = TypeVar("AnswerT")


class RemoteReader:
    """Reads one experiment. Thread-safe."""

    def __init__(
        self, transport: Transport, prefix: str, read_wait_s: float, own: Callable[[], Sequence[OwnWrites]]
    ) -> None:
        self._transport, self._prefix, self._read_wait_s = transport, prefix, read_wait_s
        self._own = own
        self._deleted = set[bytes]()
        """Sessions of this process that have ended, and whose experiment was deleted since."""
        self._stored = dict[tuple[bytes, str, str | None], int]()
        """Up to which seq a session's stream is known to be stored: of those that a list had to wait for."""

    def experiment(self, wait: float | None = None) -> ExperimentAnswer | None:
        answer: ExperimentAnswer | None = self._get("/v1/experiment", {}, wait, [("runs", "")], absent=None)
        return answer

    def params(self, wait: float | None = None) -> dict[str, Any]:
        params: dict[str, Any] = self._get("/v1/params", {}, wait, [("params", "")], absent={"params": {}})["params"]
        return params

    def metric_points(self, name: str | None, start_index: int, limit: int, wait: float | None = None) -> MetricPage:
        page = self._page(name, start_index, min(limit, PAGE_POINTS), wait, None)
        while page["hasMore"] and page["total"] < limit:
            left = min(limit - page["total"], PAGE_POINTS)
            more = self._page(name, page["endIndex"] + 1, left, 0.0, None)
            if not more["data"]:
                break
            page["data"] += more["data"]
            page["total"], page["endIndex"], page["hasMore"] = len(page["data"]), more["endIndex"], more["hasMore"]
        return page

    def _page(
        self, name: str | None, start_index: int, limit: int, wait: float | None, fields: Sequence[str] | None
    ) -> MetricPage:
        # A list of none can't be said in a query; what is not asked for is left out by who asks.
        query: Query = {**metric_query(name), "start_index": start_index, "limit": limit, "fields": _sent(fields)}
        empty = {"data": [], "startIndex": start_index, "endIndex": start_index - 1, "total": 0, "hasMore": False}
        page: MetricPage = self._get("/v1/metrics/points", query, wait, [("metrics", name)], absent=empty)
        return page

    def metric_pages(
        self,
        name: str | None,
        start_index: int,
        wait: float | None = None,
        fields: Sequence[str] | None = None,
    ) -> Iterator[MetricPage]:
        while True:
            page = self._page(name, start_index, PAGE_POINTS, wait, fields)
            if page["data"]:
                yield page
            if not page["hasMore"]:
                return
            # An API of 0.1 does not say how much of an empty page retention took: all of it, where more follows.
            empty_to = 0 if page["data"] else start_index + PAGE_POINTS
            start_index = page["endIndex"] + 1 if page["endIndex"] >= start_index else empty_to
            wait = 0.0  # what this process wrote was there with the first page

    def metric_table(
        self,
        name: str | None,
        start_index: int,
        limit: int | None,
        fields: Sequence[str] | None,
        wait: float | None = None,
    ) -> Any:
        if (fields is not None and _sent(fields) is None) or find_spec("pyarrow") is None:
            return None
        query: Query = {**metric_query(name), "start_index": start_index, "limit": limit, "fields": fields}
        try:
            data = self._file("/v1/metrics/export", ARROW, query, wait, [("metrics", name)])
        except FileBrokeOff:
            return None  # page by page the API can say what is wrong, and where
        from mldash.answers.arrow_stream import table_of_stream

        return table_of_stream(data)

    def metric_view(self, name: str | None, request: ViewRequest, wait: float | None = None) -> MetricView:
        query: Query = {**metric_query(name), **view_query(request)}
        absent = empty_view(request)
        view: MetricView = self._get("/v1/metrics/view", query, wait, [("metrics", name)], absent=absent)
        if request.fields == [] and not request.expressions:
            # A list of none can't be said in a query: of all of them nothing is kept.
            view["fields"], view["sampled"], view["edges"], view["spans"] = {}, False, [], []
        return view

    def metric_statistics(self, name: str | None, wait: float | None = None) -> MetricStatistics | None:
        about: list[About] = [("metrics", name), ("runs", "")]
        found: MetricStatistics | None = self._get("/v1/metrics/stats", metric_query(name), wait, about, absent=None)
        return found

    def metrics(self, wait: float | None = None) -> list[MetricSummary]:
        about: list[About] = [("runs", ""), ("metrics", ALL)]
        found: list[MetricSummary] = self._get("/v1/metrics", {}, wait, about, absent={"metrics": []})["metrics"]
        return found

    def track_entries(
        self,
        topic: str,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> EntriesAnswer:
        entries = list[dict[str, Any]]()
        while True:
            query: Query = {
                "topic": topic,
                "start": start,
                "end": end,
                "columns": _sent(columns),
                "limit": PAGE_ENTRIES,
            }
            absent: EntriesAnswer = {"entries": [], "count": 0}
            page: EntriesAnswer = self._get("/v1/tracks/entries", query, wait, [("tracks", topic)], absent=absent)
            entries += [_kept(one, columns) for one in page["entries"]]
            if page["count"] < PAGE_ENTRIES:
                return {"entries": entries, "count": len(entries)}
            start, wait = nextafter(entries[-1]["timestamp"], inf), 0.0

    def track_entries_at(
        self, topic: str, times: Sequence[float], columns: Sequence[str] | None = None, wait: float | None = None
    ) -> list[dict[str, Any] | None]:
        found = list[dict[str, Any] | None]()
        for at in range(0, len(times), MOST_TIMES):
            asked = times[at : at + MOST_TIMES]
            query: Query = {"topic": topic, "times": [repr(time) for time in asked], "columns": _sent(columns)}
            absent = {"entries": [None] * len(asked)}
            answer = self._get("/v1/tracks/at", query, wait, [("tracks", topic)], absent=absent)
            found += [None if one is None else _kept(one, columns) for one in answer["entries"]]
            wait = 0.0
        return found

    def resampled_entries(
        self,
        topic: str,
        rate_hz: float,
        start: float | None = None,
        end: float | None = None,
        columns: Sequence[str] | None = None,
        wait: float | None = None,
    ) -> list[dict[str, Any]]:
        query: Query = {"topic": topic, "rate": rate_hz, "start": start, "end": end, "columns": _sent(columns)}
        absent: EntriesAnswer = {"entries": [], "count": 0}
        try:
            answer: EntriesAnswer = self._get("/v1/tracks/resampled", query, wait, [("tracks", topic)], absent=absent)
        except Problem as problem:
            if problem.kind.endswith("answer-too-large"):
                raise ValueError(TOO_MANY) from problem
            raise
        return [_kept(one, columns) for one in answer["entries"]]

    def tracks(self, wait: float | None = None) -> list[TrackSummary]:
        about: list[About] = [("runs", ""), ("tracks", ALL)]
        found: list[TrackSummary] = self._get("/v1/tracks", {}, wait, about, absent={"tracks": []})["tracks"]
        return found

    def log_lines(
        self,
        levels: Sequence[str] | None = None,
        limit: int = 1000,
        offset: int = 0,
        search: str | None = None,
        start: float | None = None,
        end: float | None = None,
        wait: float | None = None,
    ) -> list[LogLine]:
        found: list[LogLine] = []
        while len(found) < limit or not limit:
            query: Query = {
                "level": levels,
                "limit": min(limit - len(found), PAGE_POINTS),
                "offset": offset + len(found),
                "search": search,
                "start": start,
                "end": end,
            }
            lines = self._get("/v1/logs/lines", query, wait, [("logs", "")], absent={"lines": []})["lines"]
            found += lines
            if len(lines) < PAGE_POINTS:
                break
            wait = 0.0  # what this process wrote was there with the first page
        return found

    def sessions(self, wait: float | None = None) -> list[SessionAnswer]:
        answer = self._get("/v1/sessions", {}, wait, [("runs", "")], absent={"sessions": []})
        found: list[SessionAnswer] = answer["sessions"]
        return found

    def say_waiting(self) -> None:
        with contextlib.suppress(MldashError):  # the reads say what is wrong
            self._transport.get("/v1/live/waiting", {"prefixes": [self._prefix]})

    def _file(self, path: str, media_type: str, query: Query, wait: float | None, about: list[About]) -> bytes:
        asked = {"prefix": self._prefix, **query}
        return self._ask(
            wait, about, lambda headers, left: self._transport.get_file(path, media_type, asked, headers, left)
        )

    def _get(self, path: str, query: Query, wait: float | None, about: list[About], *, absent: Any) -> Any:
        """The answer; `absent` where the API knows nothing of the name."""
        asked = {"prefix": self._prefix, **query}
        try:
            return self._ask(wait, about, lambda headers, left: self._transport.get(path, asked, headers, left))
        except Problem as problem:
            if problem.status == 404 and problem.kind.endswith("not-found"):
                return absent
            raise

    def _ask(self, wait: float | None, about: list[About], ask: Callable[[dict[str, str], float], AnswerT]) -> AnswerT:
        """With what this process wrote; once more where that was deleted, of a session that has ended."""
        wait = self._read_wait_s if wait is None else wait
        while True:
            deadline = Deadline(min(wait, _LONGEST_WAIT_S))
            told = self._own_writes(about, deadline) if wait > 0 else []
            try:
                # Of many streams most are waited for before: one header does not hold them all.
                while len(part := first_of(told)) < len(told):
                    asked = {"prefix": self._prefix}
                    self._transport.get("/v1/experiment", asked, headers_of(part, deadline.left), deadline.left)
                    self._stored.update({(session, kind, name): seq for kind, name, session, seq in part})
                    del told[: len(part)]
                return ask(headers_of(part, deadline.left), deadline.left) if part else ask({}, 0.0)
            except Problem as problem:
                if self._knows_now_of(problem):
                    continue
                _raise_not_yet_stored(problem, wait)
                raise

    def _knows_now_of(self, problem: Problem) -> bool:
        """Whether the problem is that a run of this process which has ended was deleted: no read waits for it any more.
        One that is open is told, for what it logs is dropped."""
        if not problem.kind.endswith("experiment-deleted"):
            return False
        named = problem.members.get("session")
        deleted = {own.id for own in self._own() if own.id.hex() == named and own.has_ended} - self._deleted
        self._deleted |= deleted
        return bool(deleted)

    def _own_writes(self, about: list[About], deadline: Deadline) -> list[Told]:
        """Hand over what this process wrote; what the API has to wait for, and is not known to be stored."""
        begun = monotonic()
        told: list[Told] = []
        for own in self._own():
            if own.id in self._deleted:
                continue
            try:
                own.flush(deadline.left)
            except EventsRefused as error:  # of these streams only: all else is delivered
                refused = [one for one in error.refused if one[:2] in about or (one[0], ALL) in about]
                if refused:
                    raise NotYetStored(refused, monotonic() - begun) from error
            except TimeoutError as error:
                asked = [one for one in own.missing() if one[2] and (one[:2] in about or (one[0], ALL) in about)]
                raise NotYetStored(asked or own.missing(), monotonic() - begun) from error
            told += told_of(own, about)
        return [one for one in told if self._stored.get((one[2], one[0], one[1]), -1) < one[3]]


def _raise_not_yet_stored(problem: Problem, wait: float) -> None:
    """Where that is what the problem says."""
    if problem.kind.endswith("not-yet-stored"):
        missing = [(kind, name, count) for kind, name, count in problem.members.get("missing", ())]
        raise NotYetStored(missing, wait) from None


def _sent(names: Sequence[str] | None) -> Sequence[str] | None:
    """Names as a query can say them: not a list of none, nor more than fit into an address; who asks then chooses."""
    if not names or len(names) > MOST_NAMES or sum(map(len, names)) > _MOST_NAMES_LENGTH:
        return None
    return names


def _kept(entry: dict[str, Any], columns: Sequence[str] | None) -> dict[str, Any]:
    """The entry with these columns, where the API was not told of them."""
    if columns is None or _sent(columns) is not None:
        return entry
    return {name: value for name, value in entry.items() if name == "timestamp" or name in columns}
