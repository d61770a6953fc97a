"""A chain folded again from its own parts, and held against the snapshot in its stream's document. Pure."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from mldash.events.field_statistics import FIELD_LIMIT
from mldash.events.seen import Seen
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.crowd import MovedOut
from mldash_ingest.documents.snapshot import Snapshot

from .parts import problems_of

_encode = msgspec.msgpack.Encoder().encode
_MEANING = {
    "stats": "the statistics of its fields",
    "firsts": "the first numbers of its fields",
    "fields": "its fields",
    "data": "its folded values",
    "firstAt": "its first time",
    "lastAt": "its last time",
}


class Recount:
    """The fold of [first_index, next) of a chain. `whole`: nothing of it was left out."""

    def __init__(self, kind: str, first_index: int) -> None:
        self._kind = kind
        self.snapshot = Snapshot(kind)
        self.snapshot.next = first_index
        self.whole = first_index == 0
        self.part_count = 0

    @property
    def next(self) -> int:
        return self.snapshot.next

    @property
    def seen(self) -> Mapping[bytes, Seen]:
        return self.snapshot.seen

    def copy(self) -> "Recount":
        return copy.deepcopy(self)

    def skip_to(self, index: int) -> None:
        """What lies before it can't be read."""
        self.snapshot.next = index
        self.whole = False

    def take(self, part: Bucket) -> Iterator[str]:
        """The part that begins at `next`. Its problems as sentences; one that has any is left out."""
        problems = list(problems_of(part))
        if problems:
            yield from problems
            self.skip_to(max(part.end_index, self.next + 1))
            return
        self.part_count += 1
        self.snapshot.advance(part)

    def repeated(self, part: Bucket) -> list[tuple[bytes, int, int]]:
        """(session, first seq, end) of what the part holds and an earlier one held already. Before `take`."""
        found = list[tuple[bytes, int, int]]()
        own = dict[bytes, Seen]()
        for source in part.sources:
            end = source.first_seq + source.count
            seen = own.get(source.session) or copy.copy(self.seen.get(source.session, Seen()))
            own[source.session] = seen
            fresh = seen.fresh(source.first_seq, end)
            if sum(one.end - one.first for one in fresh) < source.count:
                found.append((source.session, source.first_seq, end))
            for one in fresh:
                seen.add(one.first, one.end)
        return found

    def differences(self, document: Mapping[str, Any], moved_out: Mapping[bytes, MovedOut]) -> Iterator[str]:
        """What of the document's snapshot is not what follows from the chain; `next` of both must be the same.

        `moved_out` are sessions that stand beside the snapshot, in `seqs`: maybe of more events than the snapshot's,
        where its worker was killed between the two, or goes on meanwhile.
        """
        if not self.whole:
            return
        told = Snapshot.from_document(self._kind, document)
        for session in sorted(self.seen.keys() | told.seen.keys()):
            counted, said = self.seen.get(session), told.seen.get(session)
            if said is None and (moved := moved_out.get(session)) is not None:
                if counted is not None and moved.at > told.next and moved.seen.has_all_of(counted):
                    continue
                said = moved.seen
            if counted is None or said is None or counted.to_document() != said.to_document():
                yield f"the seqs of session {session.hex()}"
        ours, theirs = self.snapshot.to_update(), told.to_update()
        # A first number that nobody kept is not known, which is no fault (snapshot.py).
        known = {name for name, _ in theirs["firsts"]}
        ours["firsts"] = [one for one in ours["firsts"] if one[0] in known]
        for field, meaning in _MEANING.items():
            if _comparable(field, ours, self._kind) != _comparable(field, theirs, self._kind):
                yield meaning


def _comparable(field: str, update: Mapping[str, Any], kind: str) -> bytes:
    """Equal where the values are, NaN among them."""
    value = update.get(field)
    if field == "fields" and kind == "tracks":
        # Entries of a chunk lie in time order: which field came first by index is no longer to be seen.
        value = sorted(value or ()) if len(value or ()) < FIELD_LIMIT else None
    if field == "data":
        value = sorted((one["k"], one["v"]) for one in value or ())
    if field in ("stats", "firsts"):
        # + 0.0: which of the two zeros is the least depends on where parts were cut, and they are one number.
        rows = sorted(([one[0], *map(_plain_zero, one[1:])] for one in value or ()), key=lambda one: one[0])
        value = rows if len(rows) < FIELD_LIMIT else None
    return _encode(value)


def _plain_zero(value: Any) -> Any:
    return value + 0.0 if isinstance(value, float) else value
