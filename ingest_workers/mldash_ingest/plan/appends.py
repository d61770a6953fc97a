"""Records of one stream, and what the worker knows of it → the buckets to append, numbered and cut.

Pure: the same records and the same knowledge give the same buckets, so that a replay plans what it planned before.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from mldash.events.seen import Seen
from mldash_ingest.documents.buckets import Bucket
from mldash_ingest.documents.snapshot import Snapshot
from mldash_ingest.fetch.decode import Arrival, SetAside

from .admission import admit
from .building import build
from .pieces import Piece, by_chunk, pieces_of
from .room import room_of


class Plan(NamedTuple):
    """The outcome of a stream's records of one batch."""

    buckets: list[Bucket]
    refused: list[SetAside]  # break a limit of the stream: dead letters
    event_count: int
    duplicate_count: int
    late_count: int
    hole_count: int  # seqs that are missing from now on


def plan(stream: bytes, kind: str, known: Snapshot, arrivals: Sequence[Arrival]) -> Plan:
    """Cut each record to the seqs that are not stored and number what is left from `known.next` on. Changes nothing."""
    seen = dict[bytes, Seen]()
    room = room_of(known)
    pieces, refused = list[Piece](), list[SetAside]()
    events = late = holes = total = 0
    for arrival in arrivals:
        record = arrival.record
        if not record.count:
            continue  # signals only: they take no seq
        if record.session not in seen:
            stored = known.seen.get(record.session)
            seen[record.session] = Seen(stored.hi, list(stored.holes)) if stored else Seen()
        own = seen[record.session]
        parts = admit(record, own)
        if parts is None:
            refused.append(SetAside(arrival.origin, "too many gaps in the session's events"))
            continue
        fresh = [piece for part in parts for piece in pieces_of(record, part.first, part.end)]
        if fresh and room and (why := room.refuse(fresh)):
            refused.append(SetAside(arrival.origin, why))
            continue
        total += record.count
        for part in parts:
            events += part.end - part.first
            late += (part.end - part.first) if part.late else 0
            holes += max(0, part.first - own.hi)
            own.add(part.first, part.end)
        pieces += fresh
    buckets = [bucket for first, cut in by_chunk(pieces, known.next) for bucket in build(stream, kind, first, cut)]
    return Plan(buckets, refused, events, total - events, late, holes)


def rounds(plans: Mapping[bytes, Plan]) -> Iterator[list[Bucket]]:
    """At most one bucket of a stream in each: its next insert comes only after the check of the one before."""
    depth = max((len(one.buckets) for one in plans.values()), default=0)
    for turn in range(depth):
        yield [one.buckets[turn] for one in plans.values() if turn < len(one.buckets)]
