"""The fold of the first `next` events of a chain, and of these alone: all who make it make the same.

A worker carries it forward over the buckets that it appends; a reader and the compactor, over those that they walk. Its
fields in the stream's document:

    next               the first index that it does not cover
    sess               {session in hex: [hi, a1, b1, …]}, see seen.py; in the order of their last events
    crowded            true where sessions were moved out of `sess`, see crowd.py
    stats              [[field, count, sum, min, max, last, NaN count], …] of metrics: the numeric `fields`; readers
                       pass over what a later version may have added behind these; 0.1.0 fails on it
    firsts             [[field, first number], …] of those in `stats` whose first number is known: 0.1.0 leaves this as
                       it is, and nobody who folds on knows that of a field which began under it
    fields             names, in the order of their first appearance, the first 10,000 and 1 MiB
    data               params and runs: [{k, v}, …], v as MessagePack
    firstAt, lastAt    least and greatest time

`firstsRead` beside it has the same form, null where none is kept: the first numbers that the compactor has read of the
other fields (compactor/mldash_compactor/upkeep/first_numbers.py). Who folds on takes them up.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from mldash.events.field_statistics import FIELD_LIMIT, FIELD_NAME_BYTES, FieldStatistics, Number, is_number
from mldash.events.merging import FoldedParams
from mldash.events.seen import Seen

from .buckets import Bucket
from .column_statistics import Counted, add_columns, numbers_in
from .columns import Column, events_of_columns
from .run_states import FoldedRuns, StoredRunEvent

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode
_ROW_PARTS: Final = 6
"""Of FieldStatistics, what stands in a row of `stats`: all but `first`."""

_run_events = msgspec.msgpack.Decoder(list[StoredRunEvent])


class Snapshot:
    """The fold of a chain's first `next` events; `advance` carries it over the bucket that begins there."""

    __slots__ = ("_name_bytes", "fields", "first_at", "last_at", "next", "params", "runs", "seen", "statistics")

    def __init__(self, kind: str) -> None:
        self.next = 0
        self.seen: dict[bytes, Seen] = {}
        self.statistics: dict[str, FieldStatistics] = {}
        self.fields: dict[str, None] = {}
        self._name_bytes = 0
        self.params = FoldedParams() if kind == "params" else None
        self.runs = FoldedRuns() if kind == "runs" else None
        self.first_at: float | None = None
        self.last_at: float | None = None

    def advance(self, bucket: Bucket) -> None:
        """Over the bucket that begins at `next`. Raises ValueError where it begins elsewhere."""
        advance_all([(self, bucket)])

    def _advance(self, bucket: Bucket, counted: list[Counted]) -> None:
        """The same, but the columns that have a part in statistics are only noted."""
        if bucket.first_index != self.next:
            raise ValueError(f"a bucket at {bucket.first_index} does not begin at {self.next}")
        for source in bucket.sources:
            seen = self.seen.pop(source.session, None) or Seen()
            seen.add(source.first_seq, source.first_seq + source.count)
            self.seen[source.session] = seen
        self._advance_values(bucket, counted)
        self.first_at = bucket.t0 if self.first_at is None else min(self.first_at, bucket.t0)
        self.last_at = bucket.t1 if self.last_at is None else max(self.last_at, bucket.t1)
        self.next = bucket.end_index

    def _advance_values(self, bucket: Bucket, counted: list[Counted]) -> None:
        if self.params is not None:
            for event in events_of_columns(bucket.columns, bucket.row_count):
                self.params.set(event.items())
        elif self.runs is not None:
            for stored in _run_events.decode(bucket.columns[0].data):
                self.runs.add(stored.session, stored.seq, stored.event)
        elif bucket.kind != "logs":
            self._advance_columns(bucket.columns, counted if bucket.kind == "metrics" else None)

    def _advance_columns(self, columns: Sequence[Column], counted: list[Counted] | None) -> None:
        for column in columns:
            if column.type == "events":
                self._advance_events(column, count_values=counted is not None)
                continue
            if column.name not in self.fields:
                self._see(column.name)
            if counted is not None and numbers_in(column) and (own := self._statistics_of(column.name)) is not None:
                counted.append((own, column))

    def _advance_events(self, column: Column, *, count_values: bool) -> None:
        for event in column.packed():
            for name, value in event.items():
                self._see(name)
                if count_values and is_number(value) and (statistics := self._statistics_of(name)) is not None:
                    statistics.add([value])

    def _see(self, name: str) -> None:
        if name not in self.fields and len(self.fields) < FIELD_LIMIT:
            size = self._name_bytes + len(name.encode())
            if size <= FIELD_NAME_BYTES:
                self.fields[name], self._name_bytes = None, size

    def _statistics_of(self, name: str) -> FieldStatistics | None:
        """None where the stream has too many fields to keep statistics of this one."""
        found = self.statistics.get(name)
        if found is None and name in self.fields:
            found = self.statistics[name] = FieldStatistics()
        return found

    def to_update(self) -> dict[str, Any]:
        """The fields that updateOne sets where the document's `next` is below this one's."""
        update: dict[str, Any] = {
            "next": self.next,
            "sess": {session.hex(): seen.to_document() for session, seen in self.seen.items()},
            "stats": [[name, *msgspec.structs.astuple(one)[:_ROW_PARTS]] for name, one in self.statistics.items()],
            "firsts": [[name, one.first] for name, one in self.statistics.items() if one.first is not None],
            "fields": list(self.fields),
            "firstAt": self.first_at,
            "lastAt": self.last_at,
        }
        items: list[tuple[str, bytes]] | None = None
        if self.params is not None:
            items = [(key, _encode(value)) for key, value in self.params.flat.items()]
        elif self.runs is not None:
            items = self.runs.to_items()
        if items is not None:
            update["data"] = [{"k": key, "v": value} for key, value in items]
        return update

    @classmethod
    def from_document(cls, kind: str, document: Mapping[str, Any]) -> "Snapshot":
        """The snapshot in a stream's document; one that has none yet covers nothing."""
        snapshot = cls(kind)
        snapshot.next = document.get("next", 0)
        snapshot.seen = {bytes.fromhex(k): Seen.from_document(v) for k, v in document.get("sess", {}).items()}
        snapshot.statistics = {name: _statistics(rest) for name, *rest in document.get("stats", ())}
        for name, first in firsts_of(document).items():
            if name in snapshot.statistics:
                snapshot.statistics[name].first = first
        snapshot.fields = dict.fromkeys(document.get("fields", ()))
        snapshot._name_bytes = sum(len(name.encode()) for name in snapshot.fields)
        snapshot.first_at, snapshot.last_at = document.get("firstAt"), document.get("lastAt")
        items = [(item["k"], item["v"]) for item in document.get("data", ())]
        if kind == "params":
            snapshot.params = FoldedParams({key: _decode(value) for key, value in items})
        elif kind == "runs":
            snapshot.runs = FoldedRuns.from_items(items)
        return snapshot


def _statistics(parts: Sequence[Any]) -> FieldStatistics:
    """What a later version adds behind these parts is passed over, so that workers of both can run side by side."""
    return FieldStatistics(*map(_number, parts[:_ROW_PARTS]))


def firsts_of(document: Mapping[str, Any]) -> dict[str, Number | None]:
    """Of a stream's document: the first number of each field of which it says something; None: no more is kept."""
    return {name: _number(first) for part in ("firstsRead", "firsts") for name, first in document.get(part, ())}


def _number(value: Any) -> Any:
    """BSON gives 64 bits back as a class of its own, which only BSON's encoder takes."""
    return int(value) if isinstance(value, int) else value


def advance_all(pairs: Iterable[tuple[Snapshot, Bucket]]) -> None:
    """Each snapshot over its bucket; no snapshot twice. The statistics of all are carried forward at once."""
    counted = list[Counted]()
    for snapshot, bucket in pairs:
        snapshot._advance(bucket, counted)
    add_columns(counted)
