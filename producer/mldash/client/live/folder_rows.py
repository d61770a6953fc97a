"""Rows of one local experiment that are new, as events. Files only grow; one that shrinks was deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from mldash.answers.rows import with_strings
from mldash.delivery.resend import LocalExperiment
from mldash.events.merging import merge_entries
from mldash.local.reading.reader import LocalReader
from mldash.local.reading.stored_rows import StoredRows, Stream
from mldash.local.reading.undrained import undrained_records

from .asked import KIND_OF, LiveAsked
from .events import Entries, Fields, Gap, Lines, LiveEvent, Params, Points, Status

_EVENT_ROWS: Final = 1_000
_TIMESTAMP: Final = "timestamp"
_GOES_ON: Final = ("CREATED", "RUNNING")

Positions = dict[Stream, int]


class FolderRows:
    """One experiment's. `positions`: the next row of each stream; what it does not name begins at 0."""

    def __init__(self, experiment: LocalExperiment, positions: Positions | None, start: int | None = None) -> None:
        """`positions` None: they are to be set by `begin`. One that is `start` may be ahead of the rows."""
        self.prefix = experiment.prefix.text
        self.positions: Positions = positions or {}
        self._counts: Positions = {stream: at for stream, at in self.positions.items() if at != start}
        """Rows that there were at the last look: fewer now say that they were deleted."""
        self.has_ended = False
        self._stored = StoredRows(experiment.folder)
        undrained = partial(undrained_records, experiment.folder)
        self._reader = LocalReader(experiment.folder, experiment.prefix, undrained=undrained)
        self._fields = dict[Stream, dict[str, None]]()
        self._status: Status | None = None
        self._is_seen = False
        """Whether everything that is stored was looked at."""

    def begin(self, start: int | None) -> None:
        """Each stream is told from here on; None: from what comes now."""
        self._refresh()
        for stream in self._stored.streams():
            if stream[0] in KIND_OF and stream not in self.positions:
                count = self._counts[stream] = self._stored.rows(*stream).count
                self.positions[stream] = count if start is None else start

    def changes(self, before: LiveAsked, asked: LiveAsked, start: int | None) -> None:
        """What was not told before is told from `start`."""
        for stream in [one for one in self.positions if not before.wants(*one) and asked.wants(*one)]:
            del self.positions[stream]
        self._refresh()
        for stream in self._stored.streams():  # one that began after the last look
            if stream[0] in KIND_OF and before.wants(*stream):
                self.positions.setdefault(stream, 0)
        self.begin(start)
        self._is_seen = False

    def begin_fields(self, asked: LiveAsked) -> Iterator[LiveEvent]:
        """Those of the last rows: to know all would be to read all."""
        self._refresh()
        for kind, name in self._stored.streams():
            if asked.wants_fields_of(kind, name):
                rows = self._stored.rows(kind, name)
                yield from self._new_fields((kind, name), rows.rows(max(0, rows.count - _EVENT_ROWS), rows.count))

    def look(self, asked: LiveAsked) -> Iterator[LiveEvent]:
        """What is new. The positions move when an event is taken."""
        self._refresh()
        if self._is_seen:
            return
        for stream in dict.fromkeys([*self.positions, *self._stored.streams()]):
            kind, name = stream
            if kind not in KIND_OF or not asked.listens_to(kind, name):
                continue
            rows = self._stored.rows(kind, name)
            if rows.count < self._counts.get(stream, 0):
                self.positions, self._counts, self._fields = {}, {}, {}
                yield Gap(reason="deleted", prefix=self.prefix)
                return
            self._counts[stream] = rows.count
            while (first := self.positions.get(stream, 0)) < rows.count:
                found = rows.rows(first, min(first + _EVENT_ROWS, rows.count))
                if not found:
                    break  # deleted between the two looks
                if asked.wants_fields_of(kind, name):
                    yield from self._new_fields(stream, found)
                self.positions[stream] = first + len(found)  # an id that is taken now is behind what comes next
                if asked.wants(kind, name):
                    yield from self._told(stream, first, found, asked)
        self._is_seen = True

    def _refresh(self) -> None:
        if self._stored.refresh():
            self._is_seen = False

    def look_at_status(self, asked: LiveAsked) -> Iterator[LiveEvent]:
        """Where it is another now."""
        told = self._reader.experiment(0)
        sessions = Counter(one["status"] for one in self._reader.sessions(0))
        status = Status(prefix=self.prefix, experiment=told, sessions=dict(sessions))
        self.has_ended = told is not None and told["status"] not in _GOES_ON
        if status != self._status:
            self._status = status
            if asked.tells("status"):
                yield status

    def _told(
        self, stream: Stream, first: int, rows: Sequence[dict[str, Any]], asked: LiveAsked
    ) -> Iterator[LiveEvent]:
        kind, name = stream
        if kind == "metrics":
            points = [{part: row[part] for part in ("index", "data", "createdAt")} for row in rows]
            yield Points(prefix=self.prefix, name=name, first_index=first, points=_plain(points, asked))
        elif kind == "logs":
            lines = [row for row in rows if not asked.levels or row["level"] in asked.levels]
            if lines:
                yield Lines(prefix=self.prefix, lines=_plain(lines, asked))
        elif kind == "params":
            yield Params(prefix=self.prefix, first_index=first, sets=_plain([row["data"] for row in rows], asked))
        else:
            merged: dict[float, dict[str, Any]] = {}
            for row in rows:
                fields = {field: value for field, value in row.items() if field != _TIMESTAMP}
                merge_entries((float(row[_TIMESTAMP]),), (fields,), into=merged)
            entries = [{_TIMESTAMP: time, **merged[time]} for time in sorted(merged)]
            topic, plain = str(name), _plain(entries, asked)
            yield Entries(prefix=self.prefix, topic=topic, first_index=first, count=len(rows), entries=plain)

    def _new_fields(self, stream: Stream, rows: Sequence[dict[str, Any]]) -> Iterator[LiveEvent]:
        kind, name = stream
        known = self._fields.setdefault(stream, {})
        now = dict.fromkeys(field for row in rows for field in (row["data"] if kind == "metrics" else row))
        if new := [field for field in now if field not in known and (kind == "metrics" or field != _TIMESTAMP)]:
            known.update(dict.fromkeys(new))
            yield Fields(prefix=self.prefix, kind=kind, name=name, fields=new)


def _plain(value: Any, asked: LiveAsked) -> Any:
    """As the API's JSON tells it: NaN is None or a string, bytes are base64."""
    return msgspec.json.decode(msgspec.json.encode(with_strings(value) if asked.nonfinite == "string" else value))
