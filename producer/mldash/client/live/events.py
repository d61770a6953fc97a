"""The events that `client.live(…)` gives: those of docs/http.md, Live, one object a stream each.

Points, Entries, Lines and Params are stored events, each told once; Status and Fields are told as they are on every
connection, and whenever they change; so are TableRows and Pending; UpToDate, Gap, Changed and Closed are about the
listening itself.

`sources` of stored events are told to who asked for pending ones: {"firstIndex", "count", "session", "firstSeq"} each,
the names that these events had while they were pending.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from mldash.answers.shapes import ExperimentAnswer, LogLine, MetricPoint


class Points(Struct, frozen=True, kw_only=True):
    """Of one metric: indices first_index, first_index + 1, … `name` None is the unnamed one."""

    prefix: str
    name: str | None
    first_index: int
    points: list[MetricPoint]
    sources: list[dict[str, Any]] = []


class Entries(Struct, frozen=True, kw_only=True):
    """Of one track: `count` events, merged by time into `entries`; lay them over what is there, field by field."""

    prefix: str
    topic: str
    first_index: int
    count: int
    entries: list[dict[str, Any]]
    sources: list[dict[str, Any]] = []


class Lines(Struct, frozen=True, kw_only=True):
    """Lines of the log."""

    prefix: str
    lines: list[LogLine]
    sources: list[dict[str, Any]] = []


class Params(Struct, frozen=True, kw_only=True):
    """What each call has set, flat and dotted: a value replaces the branch below its key."""

    prefix: str
    first_index: int
    sets: list[dict[str, Any]]
    sources: list[dict[str, Any]] = []


class Status(Struct, frozen=True, kw_only=True):
    """The run as `client.run(prefix).about()` gives it, None: it is not there. `sessions`: how many of each status."""

    prefix: str
    experiment: ExperimentAnswer | None
    sessions: dict[str, int]


class Fields(Struct, frozen=True, kw_only=True):
    """Fields of a metric (`kind` "metrics") or of a track ("tracks"): on every connection all, then those that are
    new."""

    prefix: str
    kind: str
    name: str | None
    fields: list[str]


class TableRows(Struct, frozen=True, kw_only=True):
    """Rows of the table that came or changed: {"prefix", "id", "values"}; at most once a second.

    `whole`: they are all of it, whatever was told before: the first of every connection, and of every other table.
    `gone`: prefixes of those that left it. `order`: all prefixes in their order, None where that has not changed.
    `count`: runs that pass the filter. `as_of`: every change that was stored then is in it.
    """

    rows: list[dict[str, Any]]
    gone: list[str]
    order: list[str] | None
    whole: bool
    count: int
    as_of: str | None


class Pending(Struct, frozen=True, kw_only=True):
    """Events that Kafka has acknowledged and that are not stored yet. They have no index, and no id goes on at them.

    `added`: {"prefix", "kind", "name", "session", "firstSeq", "count", "events"} each, whose events are {"seq", "time",
    "data"}; (session, stream, seq) names one. `gone`: the same without events: they are stored, and told so by
    themselves, or will never be. `whole`: nothing counts that was told before: the first of every connection.
    `on`: whether they are told; `reason`: why not. `full`: there are more than the API holds.
    """

    added: list[dict[str, Any]]
    gone: list[dict[str, Any]]
    whole: bool
    on: bool
    reason: str | None
    full: bool


class UpToDate(Struct, frozen=True, kw_only=True):
    """All that was stored when the listener came is told; once a connection, and after a change."""

    at: str


class Gap(Struct, frozen=True, kw_only=True):
    """What is not told: of one stream the events [start, end). `reason`: expired, moved, damaged; deleted: the
    experiment was, and goes on at index 0; forgotten: the id was too old, and all goes on now."""

    reason: str
    prefix: str | None = None
    kind: str | None = None
    name: str | None = None
    start: int | None = None
    end: int | None = None


class Changed(Struct, frozen=True, kw_only=True):
    """From here on what `live.change(…)` asked for is told; it returned this number."""

    change: int


class Closed(Struct, frozen=True, kw_only=True):
    """The API has ended the stream. `goes_on`: the listener comes back by itself; else nothing follows."""

    reason: str
    goes_on: bool


class Other(Struct, frozen=True, kw_only=True):
    """What this version does not know, as a newer API tells it."""

    event: str
    data: Any


LiveEvent = (
    Points
    | Entries
    | Lines
    | Params
    | Status
    | Fields
    | TableRows
    | Pending
    | UpToDate
    | Gap
    | Changed
    | Closed
    | Other
)

OVER: Final = frozenset(("ended", "done"))
"""Reasons after which nothing more will come."""
REFUSED: Final = frozenset(
    ("not-signed-in", "not-allowed", "too-many-streams", "too-many-experiments", "query-too-long")
)


def events_of(name: str, data: Any) -> list[LiveEvent]:
    """The decoded data of one server-sent event; one that only keeps the connection has none. Raises KeyError,
    TypeError for what is none."""
    if name == _ALIVE:
        return []
    make = _MADE_OF.get(name)
    if make is None:
        return [Other(event=name, data=data)]
    return [make(one) for one in (data if isinstance(data, list) else [data])]


def _points(one: Mapping[str, Any]) -> LiveEvent:
    return Points(
        prefix=one["prefix"],
        name=one["name"],
        first_index=one["firstIndex"],
        points=one["points"],
        sources=one.get("sources", []),
    )


def _entries(one: Mapping[str, Any]) -> LiveEvent:
    return Entries(
        prefix=one["prefix"],
        topic=one["topic"],
        first_index=one["firstIndex"],
        count=one["count"],
        entries=one["entries"],
        sources=one.get("sources", []),
    )


def _gap(one: Mapping[str, Any]) -> LiveEvent:
    return Gap(
        reason=one["reason"],
        prefix=one.get("prefix"),
        kind=one.get("kind"),
        name=one.get("name"),
        start=one.get("from"),
        end=one.get("to"),
    )


def _rows(one: Mapping[str, Any]) -> LiveEvent:
    return TableRows(
        rows=one["rows"],
        gone=one["gone"],
        order=one["order"],
        whole=one["whole"],
        count=one["count"],
        as_of=one["asOf"],
    )


_ALIVE: Final = "alive"

_MADE_OF: Final[dict[str, Callable[[Mapping[str, Any]], LiveEvent]]] = {
    "points": _points,
    "entries": _entries,
    "lines": lambda one: Lines(prefix=one["prefix"], lines=one["lines"], sources=one.get("sources", [])),
    "params": lambda one: Params(
        prefix=one["prefix"], first_index=one["firstIndex"], sets=one["sets"], sources=one.get("sources", [])
    ),
    "status": lambda one: Status(prefix=one["prefix"], experiment=one["experiment"], sessions=one["sessions"]),
    "fields": lambda one: Fields(prefix=one["prefix"], kind=one["kind"], name=one["name"], fields=one["fields"]),
    "rows": _rows,
    "pending": lambda one: Pending(
        added=one["added"],
        gone=one["gone"],
        whole=one["whole"],
        on=one["on"],
        reason=one["reason"],
        full=one["full"],
    ),
    "up-to-date": lambda one: UpToDate(at=one["at"]),
    "gap": _gap,
    "changed": lambda one: Changed(change=one["change"]),
    "closed": lambda one: Closed(
        reason=one["reason"], goes_on=one["reason"] not in OVER and one["reason"] not in REFUSED
    ),
}
