"""Events of runs: the history in .state/runs.jsonl, one line an event, and what follows from it.

    {"session": hex, "seq": n, "event": {"type": "start" | "describe" | "end", …}}

What is said of the experiment or of a stream: part by part the newest, by (time, session, seq). A session lives while
journal/session_folder.py finds it alive; one that neither lives nor has ended is LOST.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import msgspec
from msgspec import Struct

from mldash.answers.shapes import SessionAnswer, iso_time
from mldash.events.encoding import exact_to_json
from mldash.events.run_status import SessionTimes, attempts, status_of_run
from mldash.events.schema import Describe, End, Start
from mldash.process.learnt_types import learnt

from .blocks import RunEvent
from .reading.stream_rows import Row, StreamRows

PARTS = ("description", "readme", "tags", "metadata")

About = dict[str, Any]


def lines_of(session: bytes, first_seq: int, events: Iterable[RunEvent]) -> Iterator[tuple[float, Row]]:
    """Events → lines."""
    for seq, event in enumerate(events, first_seq):
        plain = msgspec.to_builtins(event, builtin_types=(bytes,))
        yield event.time, {"session": session.hex(), "seq": seq, "event": exact_to_json(plain)}


def row_of(session: bytes, seq: int, event: RunEvent) -> Row:
    """The row that the event will be, as it reads."""
    return {"session": session.hex(), "seq": seq, "event": msgspec.to_builtins(event, builtin_types=(bytes,))}


def time_of(row: Mapping[str, Any]) -> float:
    return float(row["event"]["time"])


_RUN_EVENT = learnt(RunEvent)


class Span(Struct):
    """From a start of a session to its end."""

    session: str
    start: Start
    end: End | None = None


class RunsState:
    """The fold of the history's first `rows` lines."""

    def __init__(self) -> None:
        self.rows = 0
        self.spans: list[Span] = []
        self.first_time: float | None = None
        self.last_time: float | None = None
        self._about: dict[tuple[str | None, str | None], About] = {}
        self._said: dict[tuple[str | None, str | None, str], tuple[float, str, int]] = {}
        self._open: dict[str, Span] = {}

    def carry_on(self, rows: StreamRows) -> None:
        """Fold what the history holds beyond `rows`."""
        for page in rows.pages(self.rows):
            for row in page:
                event = msgspec.convert(row["event"], _RUN_EVENT, builtin_types=(bytes,))
                self._take(row["session"], row["seq"], event)
            self.rows += len(page)

    def about(self, kind: str | None = None, name: str | None = None) -> About:
        """The description of a stream, or of the experiment: those of PARTS that were given."""
        return self._about.get((kind, name), {})

    def status(self, live: Set[str], now: float) -> str:
        """The experiment's status; `live` are the sessions that live_sessions() finds."""
        return status_of_run([_times(span, live, now) for span in self.spans], now, math.inf)

    def sessions(self, live: Set[str], now: float) -> list[SessionAnswer]:
        """One entry a session, in the order of their starts; of one that started again, its last."""
        latest = {span.session: span for span in self.spans}
        spans = list(latest.values())
        numbers = attempts([_times(span, live, now) for span in spans])
        return [_session(span, live, now, numbers.get(at)) for at, span in enumerate(spans)]

    def _take(self, session: str, seq: int, event: RunEvent) -> None:
        self.first_time = event.time if self.first_time is None else self.first_time
        self.last_time = event.time if self.last_time is None else max(self.last_time, event.time)
        if isinstance(event, Start):
            span = Span(session, event)
            self.spans.append(span)
            self._open[session] = span
        elif isinstance(event, End):
            if session in self._open:
                self._open.pop(session).end = event
        else:
            self._describe(session, seq, event)

    def _describe(self, session: str, seq: int, event: Describe) -> None:
        place = (event.time, session, seq)
        for part in PARTS:
            value = getattr(event, part)
            key = (event.kind, event.name, part)
            if value is not None and place >= self._said.get(key, place):
                self._said[key] = place
                self._about.setdefault((event.kind, event.name), {})[part] = value


def _times(span: Span, live: Set[str], now: float) -> SessionTimes:
    start, end = span.start, span.end
    lives = end is None and span.session in live
    return SessionTimes(
        start.time,
        end.time if end is not None else now if lives else start.time,
        None if end is None else end.time,
        None if end is None else end.status,
        span.session,
        start.host,
        start.rank,
        start.resume_key,
        tuple(start.after),
        is_dead=end is None and not lives,
    )


def _session(span: Span, live: Set[str], now: float, attempt: int | None) -> SessionAnswer:
    times = _times(span, live, now)
    answer: SessionAnswer = {
        "session": span.session,
        "status": times.status_at(now, math.inf),
        "host": span.start.host,
        "pid": span.start.pid,
        "rank": span.start.rank,
        "startedAt": iso_time(times.started),
        "endedAt": None if span.end is None else iso_time(span.end.time),
        "heartbeatAt": iso_time(times.heartbeat),
    }
    if attempt is not None:
        answer["resumeKey"], answer["attempt"] = span.start.resume_key, attempt
    if span.start.context:
        answer["context"] = span.start.context
    if span.end is not None and span.end.error is not None:
        answer["error"] = msgspec.to_builtins(span.end.error)
    return answer
