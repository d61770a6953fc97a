"""The text about a session's refused events, for flush(), the end of a run, and experiment.events."""

from collections import Counter

import msgspec

from mldash.errors import EventsRefused
from mldash.events.schema import Record


class RefusedEvents:
    """Counted as they are set aside."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._counts = Counter[tuple[str, str | None]]()
        self._kept_bytes = 0
        self._example = ""

    def add(self, records: list[Record], kept_bytes: int) -> EventsRefused:
        """All of them until now, as an error."""
        for record in records:
            self._counts[record.kind, record.name] += record.count
            self._example = self._example or told(record)
        self._kept_bytes += kept_bytes
        refused = [(kind, name, count) for (kind, name), count in self._counts.items()]
        return EventsRefused(refused, self._kept_bytes, self._folder, self._example)


def told(record: Record) -> str:
    """The name of a refused event in a sentence."""
    of = f"{record.kind} {record.name!r}" if record.name else record.kind
    return f"an event of {of} with {len(msgspec.msgpack.encode(record))} bytes (seq {record.first_seq})"
