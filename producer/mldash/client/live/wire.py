"""Events as the API sends them (docs/http.md, Live): the reverse of `events_of`."""

from __future__ import annotations

from typing import Any

import msgspec

from .events import (
    Changed,
    Closed,
    Entries,
    Fields,
    Gap,
    Lines,
    LiveEvent,
    Params,
    Pending,
    Points,
    Status,
    TableRows,
    UpToDate,
)


def sent_of(event: LiveEvent) -> tuple[str, Any]:
    """The name and the data; those about streams are lists of one."""
    match event:
        case Points(prefix=prefix, name=name, first_index=first, points=points):
            return "points", [{"prefix": prefix, "name": name, "firstIndex": first, "points": points}]
        case Entries(prefix=prefix, topic=topic, first_index=first, count=count, entries=entries):
            told = {"prefix": prefix, "topic": topic, "firstIndex": first, "count": count, "entries": entries}
            return "entries", [told]
        case Lines(prefix=prefix, lines=lines):
            return "lines", [{"prefix": prefix, "lines": lines}]
        case Params(prefix=prefix, first_index=first, sets=sets):
            return "params", [{"prefix": prefix, "firstIndex": first, "sets": sets}]
        case Status(prefix=prefix, experiment=experiment, sessions=sessions):
            return "status", [{"prefix": prefix, "experiment": experiment, "sessions": sessions}]
        case Fields(prefix=prefix, kind=kind, name=name, fields=fields):
            return "fields", [{"prefix": prefix, "kind": kind, "name": name, "fields": fields}]
        case TableRows():
            head = {"whole": event.whole, "asOf": event.as_of, "count": event.count, "gone": event.gone}
            return "rows", {**head, "order": event.order, "rows": event.rows}
        case Pending():
            return "pending", msgspec.structs.asdict(event)
        case Gap():
            named = {"reason": event.reason, "prefix": event.prefix, "kind": event.kind, "name": event.name}
            return "gap", [{**named, "from": event.start, "to": event.end}]
        case UpToDate(at=at):
            return "up-to-date", {"at": at}
        case Changed(change=change):
            return "changed", {"change": change}
        case Closed(reason=reason):
            return "closed", {"reason": reason}
        case _:
            return event.event, event.data
