"""Sessions moved out of a crowded snapshot: docs/protocol.md 3.8, `seqs`.

    {_id: {s, sid}, at, r}    what of the session `sid` is stored among the first `at` events of the stream; r: seen.py

A stream that more than 2,000 sessions write keeps those that wrote last in its snapshot, and the others here. They are
written before the snapshot that leaves them out, exactly as the chain's first `at` events have them, and `crowded` is
set with it. From then on a session that is absent from `sess` may stand here: whoever needs it reads, causally after
the snapshot, and unites the two as sets, for what stands here may be older or newer than the snapshot.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from bson.max_key import MaxKey

from mldash.events.seen import Seen

from .mongo import BulkWriteError, Mongo, Session, UpdateOne
from .snapshot import Snapshot

KEPT: Final = 2_000
"""Sessions in one snapshot, at most, unless a setting says otherwise."""

_IN_ONE_QUERY: Final = 1_000
_DUPLICATE_KEY: Final = 11_000


class MovedOut(NamedTuple):
    """The seqs of a session that are stored among a stream's first `at` events."""

    at: int
    seen: Seen


async def read_moved_out(
    mongo: Mongo, session: Session, wanted: Mapping[bytes, Iterable[bytes]]
) -> dict[tuple[bytes, bytes], Seen]:
    """By stream and session, of those that stand in `seqs`. `session` is the one that read the snapshots."""
    found = dict[tuple[bytes, bytes], Seen]()
    keys = [{"s": stream, "sid": one} for stream, sessions in wanted.items() for one in sessions]
    for at in range(0, len(keys), _IN_ONE_QUERY):
        query = {"_id": {"$in": keys[at : at + _IN_ONE_QUERY]}}
        for document in await mongo.seqs.find(query, session=session).to_list(None):
            found[document["_id"]["s"], document["_id"]["sid"]] = Seen.from_document(document["r"])
    return found


async def read_all_moved_out(mongo: Mongo, session: Session, stream: bytes) -> dict[bytes, MovedOut]:
    """All that stand in `seqs` of one stream, by session. `session` is the one that read its snapshot."""
    of_stream = {"_id": {"$gte": {"s": stream, "sid": b""}, "$lt": {"s": stream, "sid": MaxKey()}}}
    documents = mongo.seqs.find(of_stream, session=session)
    return {bytes(one["_id"]["sid"]): MovedOut(one["at"], Seen.from_document(one["r"])) async for one in documents}


async def complete(mongo: Mongo, session: Session, wanted: Mapping[bytes, tuple[Snapshot, Iterable[bytes]]]) -> None:
    """Unite what snapshots know of these sessions with what stands in `seqs` of them."""
    found = await read_moved_out(mongo, session, {stream: sessions for stream, (_, sessions) in wanted.items()})
    for (stream, one), moved in found.items():
        wanted[stream][0].seen.setdefault(one, Seen()).unite(moved)


async def move_out(mongo: Mongo, snapshots: Mapping[bytes, Snapshot], kept: int) -> set[bytes]:
    """Write to `seqs` what is above `kept` sessions in these snapshots, and take it out of them; the streams that had
    too much. Half of `kept` stay, so that it is not done with every batch.

    Each snapshot must be whole: no session in it whose place in `seqs` is unread. Its write comes only after this.
    """
    crowded = {stream: snapshot for stream, snapshot in snapshots.items() if len(snapshot.seen) > kept}
    for stream, snapshot in crowded.items():
        idle = list(snapshot.seen)[: len(snapshot.seen) - kept // 2]  # in the order of their last events
        for at in range(0, len(idle), _IN_ONE_QUERY):
            await _write(mongo, stream, snapshot, idle[at : at + _IN_ONE_QUERY])
        for one in idle:
            del snapshot.seen[one]
    return set(crowded)


async def _write(mongo: Mongo, stream: bytes, snapshot: Snapshot, sessions: list[bytes]) -> None:
    updates = [
        UpdateOne(
            {"_id": {"s": stream, "sid": one}, "at": {"$lt": snapshot.next}},
            {"$set": {"at": snapshot.next, "r": snapshot.seen[one].to_document()}},
            upsert=True,
        )
        for one in sessions
    ]
    try:
        await mongo.seqs.bulk_write(updates, ordered=False)
    except BulkWriteError as error:
        # A duplicate key: the condition found nothing, for a newer one is there.
        if error.details["writeConcernErrors"] or any(
            one["code"] != _DUPLICATE_KEY for one in error.details["writeErrors"]
        ):
            raise
