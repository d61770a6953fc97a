"""Wait until the reader's own writes are stored: the seqs of its session below a number, in each stream.

The stream's snapshot and the `src` of the buckets since tell which events are stored; a hole counts as missing,
whatever came after it. Of run events and parameters only the snapshot counts: what follows from them elsewhere (a
stream's description, a session's end) is written after the bucket and before that. Polled with growing delays, within
the wait that the reader asked for.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from time import monotonic
from typing import Final

from msgspec import Struct

from mldash.events.identity import Prefix
from mldash.events.seen import Seen
from mldash_api import instruments
from mldash_api.errors import ExperimentDeleted, NotYetStored
from mldash_api.seam.chain_ends import buckets_since
from mldash_api.stores.streams import ExperimentRef, find_experiment
from mldash_ingest.documents.crowd import read_moved_out
from mldash_ingest.documents.mongo import Mongo, Session
from mldash_ingest.documents.walk import cold_ends

from .standing import standing_of

_FIRST_DELAY_S: Final = 0.002
_LONGEST_DELAY_S: Final = 0.1
_GROWTH: Final = 1.6
_FOLDED_KINDS: Final = frozenset(("params", "runs"))


class Written(Struct, frozen=True):
    """A session has written the seqs [0, next_seq) of one stream."""

    kind: str
    name: str | None
    session: bytes
    next_seq: int


async def wait_for_own_writes(
    mongo: Mongo, prefix: Prefix, written: Sequence[Written], wait_s: float
) -> ExperimentRef | None:
    """The experiment, once everything is stored.

    Raises NotYetStored with what is missing after `wait_s` seconds, ExperimentDeleted where it will never be.
    """
    begun = monotonic()
    waiting, delay = [one for one in written if one.next_seq > 0], _FIRST_DELAY_S
    while True:
        experiment = await find_experiment(mongo, prefix)
        missing = await _missing(mongo, experiment, waiting) if waiting else []
        waited = monotonic() - begun
        if not missing:
            if written:
                instruments.own_write_waits.observe(waited)
            return experiment
        left = wait_s - waited
        if left <= 0 or delay >= _LONGEST_DELAY_S:
            await _refuse_deleted(mongo, prefix, missing[0][0].session)
        if left <= 0:
            instruments.own_writes_late.inc()
            raise NotYetStored([(one.kind, one.name, count) for one, count in missing], wait_s)
        waiting = [one for one, _ in missing]  # what is stored once stays stored
        await asyncio.sleep(min(delay, left))
        delay = min(delay * _GROWTH, _LONGEST_DELAY_S)


async def _refuse_deleted(mongo: Mongo, prefix: Prefix, session: bytes) -> None:
    if await standing_of(mongo, prefix, session) == "deleted":
        raise ExperimentDeleted(prefix.text, session.hex())


async def _missing(
    mongo: Mongo, experiment: ExperimentRef | None, written: Sequence[Written]
) -> list[tuple[Written, int]]:
    """Those that are not wholly stored, and how many seqs are missing of each."""
    if experiment is None:
        return [(one, one.next_seq) for one in written]
    owners = defaultdict[bytes, set[bytes]](set)
    folded = set[bytes]()
    for one in written:
        stream = experiment.stream(one.kind, one.name).id
        owners[stream].add(one.session)
        if one.kind in _FOLDED_KINDS:
            folded.add(stream)
    async with await mongo.causal() as session:
        seen = await _seen(mongo, session, owners, folded)
    missing = list[tuple[Written, int]]()
    for one in written:
        stored = seen.get((experiment.stream(one.kind, one.name).id, one.session), Seen())
        if count := missing_below(stored, one.next_seq):
            missing.append((one, count))
    return missing


def missing_below(seen: Seen, next_seq: int) -> int:
    """How many of the seqs [0, next_seq) are not stored."""
    holes = sum(max(0, min(end, next_seq) - first) for first, end in seen.holes)
    return holes + max(0, next_seq - seen.hi)


async def _seen(
    mongo: Mongo, session: Session, owners: Mapping[bytes, set[bytes]], folded: Set[bytes]
) -> dict[tuple[bytes, bytes], Seen]:
    """What is stored of these sessions, by stream and session; streams that moved meanwhile are left out. Of the
    `folded` streams what their snapshots hold."""
    starts, found = await _at_snapshot(mongo, session, owners)
    unfolded = {stream: start for stream, start in starts.items() if stream not in folded}
    async for bucket in buckets_since(mongo, session, unfolded, {"src": 1}):
        for owner, first_seq, count in bucket["src"]:
            if (seen := found.get((bucket["s"], owner))) is not None:
                seen.add(first_seq, first_seq + count)
    look = await cold_ends(mongo, session, starts)
    return {key: seen for key, seen in found.items() if look.get(key[0], starts[key[0]]) <= starts[key[0]]}


async def _at_snapshot(
    mongo: Mongo, session: Session, owners: Mapping[bytes, set[bytes]]
) -> tuple[dict[bytes, int], dict[tuple[bytes, bytes], Seen]]:
    """Up to where each stream's snapshot goes, and what it says of these sessions."""
    starts, found = dict[bytes, int](), dict[tuple[bytes, bytes], Seen]()
    moved_out = dict[bytes, list[bytes]]()
    query = {"_id": {"$in": list(owners)}}
    async for document in mongo.streams.find(query, {"next": 1, "sess": 1, "crowded": 1}, session=session):
        stream, sessions = document["_id"], document.get("sess", {})
        starts[stream] = document["next"]
        for owner in owners[stream]:
            flat = sessions.get(owner.hex())
            found[stream, owner] = Seen() if flat is None else Seen.from_document(flat)
            if flat is None and document.get("crowded"):
                moved_out.setdefault(stream, []).append(owner)
    return starts, found | await read_moved_out(mongo, session, moved_out)
