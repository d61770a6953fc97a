"""A part's events → records of one session → the files of a local experiment.

The session's id follows from the target, the tracker, the run and the part; seqs count the events of each stream from
0, in the order in which the reader gives them. What the files have already under these names they drop.
"""

import hashlib
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from mldash.events.column_types import common_type, pack_numbers
from mldash.events.identity import ID_BYTES, Prefix
from mldash.events.limits import ABOUT_BYTES, CALL_BYTES, PARAMS_BYTES, PARAMS_KEYS, RECORD_EVENTS
from mldash.events.schema import Block, Column, Columns, Kind, Record, Rows, RunEvents
from mldash.local.folder import Folder
from mldash.local.sink import LocalSink
from mldash.local.state.acknowledged import Acknowledged

from .events import Event, LeftOut, RunEvent

_BATCH_BYTES: Final = 4 * 1024 * 1024
_LARGE_BYTES: Final = 1024 * 1024
_PACKED_EVENTS: Final = 16
"""Of fewer events a block of columns takes longer than one of rows."""
_VALUE_BYTES: Final = 16
_NUMBERS: Final = frozenset((float, int, bool, type(None)))
_LAST_TIME: Final = 253_402_300_800.0
_encode = msgspec.msgpack.Encoder().encode

Stream = tuple[Kind, str | None]


def imported_session(prefix: str, *names: str) -> bytes:
    """The session of a part, 16 bytes: the same whoever imports it, wherever its files lie."""
    digest = hashlib.blake2b(digest_size=ID_BYTES, person=b"mldash/imported")
    for part in (prefix, *names):
        data = part.encode(errors="surrogateescape")
        digest.update(len(data).to_bytes(4, "little"))
        digest.update(data)
    return digest.digest()


class Counts(Struct):
    """Events of a kind that a source has, and how many of these the target did not have."""

    found: dict[str, int] = field(default_factory=dict)
    new: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, found: int, new: int) -> None:
        self.found[kind] = self.found.get(kind, 0) + found
        self.new[kind] = self.new.get(kind, 0) + new


class PartWriter:
    """Takes the events of one part; `counts` grows by what it has taken."""

    def __init__(self, sink: LocalSink | None, folder: Folder, prefix: Prefix, session: bytes, counts: Counts) -> None:
        """`sink` None: nothing is written. Raises OSError, NotOurState."""
        self._sink, self._prefix, self._session, self._counts = sink, prefix, session, counts
        self._known = Acknowledged(folder.state)
        self._known.refresh()
        self._waiting: defaultdict[Stream, list[Any]] = defaultdict(list)
        self._seqs: dict[Stream, int] = {}
        self._events = self._bytes = 0

    def take(self, event: Event | RunEvent, left: LeftOut) -> None:
        """The next event. What has no time between 1970 and 9999, or is too large, is left out. Raises what the sink
        raises."""
        if not 0 <= event.time < _LAST_TIME:
            left.count("event without a time")
            return
        if isinstance(event, Event):
            fields = event.fields
            size = _VALUE_BYTES * (len(fields) + 1)
            if not _NUMBERS.issuperset(map(type, fields.values())):
                size += _more_bytes(fields)
            most = PARAMS_BYTES if event.kind == "params" else CALL_BYTES - _LARGE_BYTES
            if (size > _LARGE_BYTES and (size := len(_encode(fields))) > most) or len(fields) > PARAMS_KEYS:
                left.count("event that is too large")
                return
            self._waiting[event.kind, event.name].append(event)
            self._bytes += size
        elif len(_encode(event)) > ABOUT_BYTES:
            left.count("description above 1 MiB")
            return
        else:
            self._waiting["runs", ""].append(event)
        self._events += 1
        if self._events >= RECORD_EVENTS or self._bytes >= _BATCH_BYTES:
            self.write()

    def write(self) -> None:
        """What waits, for good. Raises what the sink raises."""
        now = time.time()
        records = [
            Record(
                prefix=self._prefix.text,
                kind=stream[0],
                name=stream[1],
                session=self._session,
                first_seq=self._seqs.get(stream, 0),
                logged_at=now,
                blocks=list(_blocks(events)),
            )
            for stream, events in self._waiting.items()
        ]
        if self._sink is not None and records:
            self._sink.deliver(records)
        for stream, events in self._waiting.items():
            count = len(events)
            self._seqs[stream] = self._seqs.get(stream, 0) + count
            known = self._known.next_seq(self._session, *stream)
            self._counts.add(stream[0], count, max(0, min(count, self._seqs[stream] - known)))
        self._waiting.clear()
        self._events = self._bytes = 0


def _blocks(events: list[Any]) -> Iterator[Block]:
    """Events of one stream; those of one set of fields that follow each other are one block."""
    if not isinstance(events[0], Event):
        yield RunEvents(events)
        return
    for names, group in groupby(events, _names_of):
        told = [*group]
        packed = _columns(names, told) if len(told) >= _PACKED_EVENTS else None
        yield packed or Rows([*names], [event.time for event in told], [[*event.fields.values()] for event in told])


def _columns(names: tuple[str, ...], events: list[Event]) -> Columns | None:
    """Packed numbers, which local files take without a step for each value; None of what are no points, and where some
    are of no such type."""
    if not names or events[0].kind != "metrics":
        return None
    columns = []
    for values in zip(*(event.fields.values() for event in events), strict=True):
        kind = common_type(values)
        if kind is None:
            return None
        columns.append(Column(kind, pack_numbers(kind, values)))
    return Columns([*names], len(events), pack_numbers("float64", [event.time for event in events]), columns)


def _names_of(event: Event) -> tuple[str, ...]:
    return tuple(event.fields)


def _more_bytes(fields: dict[str, Any]) -> int:
    """What other values than numbers take, about."""
    size = 0
    for value in fields.values():
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, (list, dict)):
            size += len(_encode(value))
    return size
